/** The modules of Debian's packages frr and libyuma-base, compared with yanglint one by one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { formatDiagnostic } from '../../src/yang/diagnostics.ts';
import { loadModules } from '../../src/yang/load.ts';
import { describeInfo } from './yang-info-text.ts';
import { describeModule } from './yang-schema-text.ts';
import { missingYanglint, yanglint } from './yang-yanglint.ts';

/** libyang's own modules, part of the package of yanglint: frr imports some of them. */
const LIBYANG = '/usr/share/yang/modules/libyang';

const PACKAGES = [
  { name: 'frr', path: 'usr/share/yang', sample: 'frr-bgp.yang', folders: ['.'] },
  {
    name: 'libyuma-base',
    path: 'usr/share/yuma/modules',
    sample: 'ietf/ietf-netconf@2011-06-01.yang',
    folders: ['ietf', 'ietf-derived', 'netconfcentral', 'yuma123'],
  },
];

const scratch = mkdtempSync(join(tmpdir(), 'syncline-debian-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** Where a package's files are: installed, or in CI unpacked without installing its daemons. */
function unpacked({ name, path, sample }: (typeof PACKAGES)[number]): string | undefined {
  if (existsSync(join('/', path, sample))) return join('/', path);
  if (process.env.CI !== 'true') return undefined;
  const folder = mkdtempSync(join(scratch, 'package-'));
  for (const command of [`apt-get download ${name}`, `dpkg -x ${name}_*.deb .`]) {
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  return join(folder, path);
}

for (const debian of PACKAGES) {
  const missing = missingYanglint();
  const root = missing === undefined ? unpacked(debian) : undefined;
  const skip = missing ?? (root === undefined ? `needs the Debian package ${debian.name}` : false);
  describe(`modules of ${debian.name}`, { skip }, () => {
    const folders = debian.folders.map((folder) => join(root!, folder));
    for (const folder of folders) {
      const names = readdirSync(folder).filter((name) => name.endsWith('.yang'));
      for (const name of names) {
        test(name, () => compare(join(folder, name), [folder, ...folders, LIBYANG]));
      }
    }
  });
}

async function compare(file: string, searchPath: string[]): Promise<void> {
  const { context, diagnostics } = loadModules({
    files: [file],
    searchPath,
    implementImports: true,
    lenientXPath: true,
  });
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic);
  const others = context.modules
    .map((module) => module.position.file)
    .filter((other) => other !== file);
  const paths = searchPath.flatMap((folder) => ['-p', folder]);
  const given = errors.length === 0 ? [file, ...others] : [file];
  const { accepted, output } = await yanglint(['-i', ...paths, '-f', 'info', ...given]);
  assert.equal(errors.length === 0, accepted, errors.join('\n'));
  for (const [name, lines] of accepted ? describeInfo(output) : []) {
    assert.deepEqual(describeModule(context.findModule(name)!).sort(), lines.sort(), name);
  }
}
