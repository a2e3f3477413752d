import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroupCommit } from './group-commit.ts';

const put = (name: string, size = 1): { key: Buffer; bytes: Buffer } => ({
  key: Buffer.from(name),
  bytes: Buffer.alloc(size),
});

test('what is added while a group is written goes in the next one, in order', async () => {
  const groups: string[][] = [];
  const writer = new GroupCommit((group) => {
    groups.push(group.map(({ key }) => key.toString()));
    return Promise.resolve();
  });
  const first = writer.add(put('a'));
  await Promise.resolve();
  await Promise.resolve();
  const rest = [writer.add(put('b')), writer.add(put('c'))];
  await Promise.all([first, ...rest]);
  assert.deepEqual(groups.flat(), ['a', 'b', 'c']);
  assert.ok(groups.length <= 2);
  assert.equal(writer.bytes, 0);
});

test('a disk that is full for a while loses nothing and is got over', async () => {
  let full = true;
  const stored: string[] = [];
  const writer = new GroupCommit((group) => {
    if (full) return Promise.reject(new Error('No space left on device'));
    stored.push(...group.map(({ key }) => key.toString()));
    return Promise.resolve();
  });
  const first = writer.add(put('a'));
  await assert.rejects(writer.flush(), { code: 'JOURNAL_FULL', retry: 'later' });
  assert.equal(writer.failure?.code, 'JOURNAL_FULL');
  const second = writer.add(put('b'));
  full = false;
  await Promise.all([first, second]);
  assert.deepEqual(stored, ['a', 'b']);
  assert.equal(writer.failure, undefined);
});

test('closing does not wait for a disk that stays full', async () => {
  const writer = new GroupCommit(() => Promise.reject(new Error('No space left on device')));
  void writer.add(put('a'));
  await assert.rejects(writer.flush());
  await writer.close();
});
