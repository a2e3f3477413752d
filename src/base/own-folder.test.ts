import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ownFolder } from './own-folder.ts';
import { replaceFile } from './replace-file.ts';

const isWindows = process.platform === 'win32';

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'crp-folder-'));
  try {
    work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test(
  'a folder in /tmp that somebody else made, or a link there, is not taken',
  { skip: isWindows },
  () => {
    inFolder((folder) => {
      const path = join(folder, 'own');
      const owners = [process.getuid!()];
      assert.equal(ownFolder(path, { mode: 0o700, owners }), true);
      assert.equal(lstatSync(path).mode & 0o777, 0o700);
      assert.equal(ownFolder(path, { mode: 0o700, owners }), false);
      const refused = (): void =>
        assert.throws(() => ownFolder(path, { mode: 0o700, owners }), { code: 'FOLDER_FOREIGN' });
      assert.throws(() => ownFolder(path, { mode: 0o700, owners: [4711] }), {
        code: 'FOLDER_FOREIGN',
      });
      chmodSync(path, 0o777);
      refused();
      rmSync(path, { recursive: true });
      mkdirSync(join(folder, 'victim'));
      symlinkSync(join(folder, 'victim'), path);
      refused();
    });
  },
);

test('a file that is replaced is not written through a link', { skip: isWindows }, () => {
  inFolder((folder) => {
    const [path, victim] = [join(folder, 'file'), join(folder, 'victim')];
    writeFileSync(victim, 'as it was');
    symlinkSync(victim, `${path}.part`);
    replaceFile(path, 'new', { mode: 0o600 });
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.equal(readFileSync(victim, 'utf8'), 'as it was');
    assert.equal(lstatSync(path).mode & 0o777, 0o600);
  });
});
