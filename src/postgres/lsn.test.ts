import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLsn, parseLsn } from './lsn.ts';

const TABLE: [string, bigint][] = [
  ['0/0', 0n],
  ['0/1', 1n],
  ['16/B374D848', 0x16b374d848n],
  ['FFFFFFFF/FFFFFFFF', 0xffffffffffffffffn],
];

test('a WAL position has the same value and text in both directions', () => {
  for (const [text, value] of TABLE) {
    assert.equal(parseLsn(text), value);
    assert.equal(formatLsn(value), text);
  }
});

test('what is not a WAL position is refused', () => {
  for (const text of ['', '0', '0/', '/0', '0/G', '000000000/0']) {
    assert.throws(() => parseLsn(text), { code: 'LSN_SYNTAX' });
  }
});
