import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cutFile } from './cut-file.ts';
import { createLog } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'crp-cut-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const read = (path: string): string => readFileSync(path, 'utf8');

test('a file that is too long is emptied; the last of it is kept beside it, with its rights', () => {
  const path = join(folder, 'server.log');
  assert.equal(cutFile(path, 10), false);
  writeFileSync(path, '0123456789', { mode: 0o600 });
  assert.equal(cutFile(path, 10), false);
  appendFileSync(path, 'abc');
  assert.equal(cutFile(path, 10), true);
  assert.deepEqual([read(path), read(`${path}.1`)], ['', '3456789abc']);
  assert.equal(statSync(`${path}.1`).mode & 0o777, 0o600);
  writeFileSync(path, 'ABCDEFGHIJKLMN');
  assert.equal(cutFile(path, 10), true);
  assert.deepEqual([read(path), read(`${path}.1`)], ['', 'EFGHIJKLMN']);
});

test('a log goes on at the beginning of the file that was emptied', () => {
  const path = join(folder, 'agent.log');
  const log = createLog('info', path);
  log.info('one');
  const before = read(path);
  assert.equal(cutFile(path, before.length - 1), true);
  log.info('two');
  assert.equal(read(`${path}.1`), before.slice(1));
  assert.match(read(path), /^\{"level":"info".*"msg":"two"\}\n$/);
});
