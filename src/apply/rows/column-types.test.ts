import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stagedColumn } from './column-types.ts';

/** [type at the origin, type here, type that values are staged as; undefined: they are not the same values]. */
const CASES: [there: string, here: string, staged: string | undefined][] = [
  ['integer', 'bigint', 'integer'],
  ['text', 'character varying', 'text'],
  ['numeric', 'numeric(9,2)', 'numeric(9,2)'],
  ['ext.citext', 'text', 'text'],
  ['text', 'ext.citext', 'ext.citext'],
  ['ext.citext', 'bigint', undefined],
  ['text', 'bigint', undefined],
];

test('values are staged as their origin has them where the types differ in room only, and citext as text', () => {
  for (const [there, here, staged] of CASES) {
    const column = { name: 'c', type: here, typeName: here, oid: 1, arrayOid: 2 };
    assert.equal(stagedColumn(column, there)?.typeName, staged, `${there} ${here}`);
  }
});
