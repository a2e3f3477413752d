import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import type { ColumnFacts, TableFacts } from '../tables/table-facts.ts';
import { keyProblems } from './key-check.ts';

/** What is said of a table with a key of the type. */
function problemOf(type: string, replicated: boolean): string {
  const columns = [{ name: 'id', type }, ...(replicated ? [{ name: BIRTH_COLUMN }] : [])];
  const facts: Partial<TableFacts> = {
    ...{ primaryKey: ['id'], looseKey: ['id'], columns: columns as ColumnFacts[] },
  };
  const entity = { key: ['id'], table: { schema: 's', name: 't' }, tombstone: 't_gone' };
  const problems = keyProblems(entity as Entity, facts as TableFacts);
  assert.equal(problems.length, 1);
  return problems[0]!;
}

test('a key is mended by a type with the same values; one that adds blanks has others than the sites that come later', () => {
  assert.match(
    problemOf('bpchar', false),
    /: ALTER TABLE … ALTER COLUMN "id" TYPE character\(n\)$/,
  );
  assert.match(problemOf('bpchar', true), /no change for a replicated table: docs\/operating/);
  assert.match(problemOf('numeric', true), /"s"\."t" ALTER .*; ALTER TABLE crp\."t_gone" ALTER /);
});
