import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Journal } from '../journal/journal.ts';
import { beginWith } from './confirmation.ts';

/** The notes of a journal. */
function notesOnly(): { notes: Map<string, string>; journal: Journal } {
  const notes = new Map<string, string>();
  const journal = {
    getNote: (key: string) => notes.get(key),
    setNote: (key: string, value: string) => Promise.resolve(void notes.set(key, value)),
  };
  return { notes, journal: journal as unknown as Journal };
}

test('a new site begins with what its base copy has, and what is noted later stays', async () => {
  const { notes, journal } = notesOnly();
  await beginWith(journal, new Map());
  assert.equal(notes.size, 0);
  const known = new Map([
    [1, 100n],
    [2047, 5n],
  ]);
  await beginWith(journal, known);
  assert.deepEqual([...notes.values()], ['1 100,2047 5']);
  await beginWith(journal, new Map([[1, 200n]]));
  assert.deepEqual([...notes.values()], ['1 100,2047 5']);
});
