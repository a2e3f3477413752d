import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused } from './lmdb-error.ts';

/** As the library fails: the reason is in a promise of its own. */
function failed(code: number, message: string): Error {
  const commitError = Promise.reject(Object.assign(new Error(message), { code }));
  return Object.assign(new Error('Commit failed (see commitError for details)'), { commitError });
}

test('what LMDB could not write is told with its reason, and nobody is left with a promise', async () => {
  const where = ': Attempting to write page at position 40960, size 614400';
  await assert.rejects(refused(failed(28, `No space left on device${where}`)), {
    ...{ code: 'JOURNAL_FULL', retry: 'later' },
    message: 'The journal is full: No space left on device',
  });
  await assert.rejects(refused(failed(5, 'Input/output error')), {
    ...{ code: 'JOURNAL_UNWRITABLE', retry: 'later' },
    message: 'The journal cannot be written: Input/output error',
  });
  await assert.rejects(refused(new Error('MDB_BAD_TXN')), { code: 'JOURNAL_UNWRITABLE' });
});
