import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../base/errors.ts';
import { NO_LINK } from '../base/own-folder.ts';
import { replaceFile } from '../base/replace-file.ts';
import type { PostgresBinaries } from './binaries.ts';

/** Longest time for one run of `initdb` or `pg_ctl`. */
const COMMAND_LIMIT_S = 60;
/** Windows has no such flag, and no other user to be careful of. */
const FOLDER = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | NO_LINK;
const APPEND = constants.O_WRONLY | constants.O_APPEND | NO_LINK;
/** `DB_SHUTDOWNED`: somebody wanted the server to end. */
const SHUT_DOWN = 1;

export interface ClusterOptions {
  binaries: PostgresBinaries;
  /** The data folder. */
  data: string;
  /** TCP port on the loopback interface. */
  port: number;
  /** Folder of a Unix-domain socket; without it there is none. */
  socket?: string | undefined;
  superuser: string;
  /** Written to a file of its own; takes effect when the server starts. */
  settings?: Record<string, string>;
}

/**
 * One PostgreSQL server that Syncline runs: a process of its own that outlives the agent. It listens on
 * the loopback interface, and on a Unix-domain socket if one is wanted, with password authentication (scram-sha-256).
 */
export class Cluster {
  readonly options: ClusterOptions;

  constructor(options: ClusterOptions) {
    this.options = options;
  }

  exists(): boolean {
    return existsSync(join(this.options.data, 'PG_VERSION'));
  }

  /**
   * Makes the data folder (`initdb`), with UTF-8, the C locale and page checksums.
   *
   * @throws AppError POSTGRES_INITDB with what `initdb` said
   */
  async init(password: string): Promise<void> {
    const { data, superuser } = this.options;
    mkdirSync(data, { recursive: true, mode: 0o700 });
    const secret = join(data, '..', `.initdb-${process.pid}`);
    if (this.options.binaries.runAs !== undefined) {
      this.#edit(data, FOLDER, (folder) => this.#give(folder, 0o700));
    }
    this.#edit(secret, 'wx', (file) => {
      writeFileSync(file, `${password}\n`);
      this.#give(file, 0o600);
    });
    try {
      await this.#run('initdb', [
        ...['-D', data, '-U', superuser, '--pwfile', secret, '--auth=scram-sha-256'],
        ...['--encoding=UTF8', '--locale=C', '--data-checksums', '--no-instructions'],
      ]);
    } finally {
      rmSync(secret, { force: true });
    }
    const include = "\ninclude_if_exists = 'syncline.conf'\n";
    this.#edit(join(data, 'postgresql.conf'), APPEND, (file) => writeFileSync(file, include));
  }

  /**
   * Starts the server and waits until it accepts connections.
   *
   * @throws AppError POSTGRES_START with the end of the server's log
   */
  async start(): Promise<void> {
    if (this.pid() !== undefined) return;
    this.#writeSettings();
    const { data } = this.options;
    await this.#run('pg_ctl', [
      'start',
      '-D',
      data,
      '-l',
      serverLogOf(data),
      '-w',
      '-t',
      String(COMMAND_LIMIT_S),
    ]);
  }

  /** Stops it: `fast` ends sessions and checkpoints, `immediate` is a crash. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    if (this.pid() === undefined) return;
    const { data } = this.options;
    await this.#run('pg_ctl', [
      'stop',
      '-D',
      data,
      '-m',
      mode,
      '-w',
      '-t',
      String(COMMAND_LIMIT_S),
    ]);
  }

  /** True where the server has ended without being shut down: it was killed, or found no space to recover with. */
  hasCrashed(): boolean {
    try {
      return this.pid() === undefined && readState(this.options.data) !== SHUT_DOWN;
    } catch {
      return false;
    }
  }

  /** Process id of the running postmaster. */
  pid(): number | undefined {
    try {
      const pid = Number(
        readFileSync(join(this.options.data, 'postmaster.pid'), 'utf8').split('\n')[0],
      );
      process.kill(pid, 0);
      return pid;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM' ? this.#pidOfOther() : undefined;
    }
  }

  #pidOfOther(): number {
    return Number(readFileSync(join(this.options.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }

  #writeSettings(): void {
    const { data, port, socket, settings } = this.options;
    const all: Record<string, string> = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: socket ?? '',
      wal_level: 'logical',
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'`);
    const file = join(data, 'syncline.conf');
    // A disk that is full must not leave the server without its settings.
    replaceFile(file, `${lines.join('\n')}\n`, { prepare: (part) => this.#give(part, 0o600) });
  }

  #edit(path: string, flags: string | number, work: (file: number) => void): void {
    const file = openSync(path, flags, 0o600);
    try {
      work(file);
    } finally {
      closeSync(file);
    }
  }

  /**
   * Gives an open file to the user that the server runs as, where that is another one. Never by its path: that user may put a
   * link into the data folder, and this process is root then.
   */
  #give(file: number, mode: number): void {
    const { runAs } = this.options.binaries;
    if (runAs === undefined) return;
    fchownSync(file, runAs.uid, runAs.gid);
    fchmodSync(file, mode);
  }

  #run(program: string, args: string[]): Promise<void> {
    const { binaries, data } = this.options;
    const child = spawn(join(binaries.bin, program), args, {
      ...binaries.runAs,
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      // Not 'close': the postmaster keeps pg_ctl's pipes open.
      child.once('exit', (code) => {
        child.stdout.destroy();
        child.stderr.destroy();
        if (code === 0) resolve();
        else reject(commandFailed(program, output + serverLog(data), data));
      });
    });
  }
}

/** `DBState` (src/include/catalog/pg_control.h): after the system's identifier and the versions of file and catalogue. */
function readState(data: string): number {
  return readFileSync(join(data, 'global', 'pg_control')).readUInt32LE(16);
}

/** The log of a server that Syncline runs: the server appends to it, and to nothing else. */
export function serverLogOf(data: string): string {
  return join(data, 'server.log');
}

function serverLog(data: string): string {
  try {
    return readFileSync(serverLogOf(data), 'utf8').split('\n').slice(-8).join('\n');
  } catch {
    return '';
  }
}

function commandFailed(program: string, output: string, data: string): AppError {
  const code = program === 'initdb' ? 'POSTGRES_INITDB' : 'POSTGRES_START';
  return new AppError(code, `"${program}" failed: ${output.trim()}`, {
    hint: commandHint(output, data),
  });
}

function commandHint(output: string, data: string): string {
  if (/Address already in use|could not bind/.test(output)) {
    return 'The port is taken: choose another one, with --database-port for a new site, else in the URLs of syncline.yaml';
  }
  if (output.includes('No space left')) return `Free space on the disk of "${data}"`;
  if (
    /(FATAL|PANIC|HINT): .*\b(wal_level|max_\w+)|configuration file .* contains errors/.test(output)
  ) {
    return `Correct the setting where ALTER SYSTEM has put it: in "${join(data, 'postgresql.auto.conf')}"`;
  }
  return 'Look at server.log in the data folder';
}
