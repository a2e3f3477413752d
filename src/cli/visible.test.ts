import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from './table.ts';
import { visible } from './visible.ts';

test('what a terminal would obey is shown instead', () => {
  assert.equal(visible('a\u001b]0;x\u0007\n\tä€\u009b\u202e'), 'a\\x1b]0;x\\x07\n\tä€\\x9b\\u202e');
  assert.equal(formatTable(['a'], [['\u001b[2J\r']]), 'a\n\\x1b[2J\\x0d');
});
