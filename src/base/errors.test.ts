import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError } from './errors.ts';

test("a database's error names the function in which it was raised, and no statement", () => {
  const raised = (where: string): string =>
    describeError(Object.assign(new Error('permission denied'), { severity: 'ERROR', where }));
  const inFunction = 'PL/pgSQL function count() line 4 at SQL statement';
  assert.equal(raised(inFunction), `permission denied (${inFunction})`);
  const statement = `SQL statement "UPDATE total\n  SET n = 'secret'"`;
  const outer = 'SQL statement "SELECT 1"\nPL/pgSQL function outer() line 3 at PERFORM';
  assert.equal(
    raised(`${statement}\n${inFunction}\n${outer}`),
    `permission denied (${inFunction})`,
  );
  assert.equal(raised(`COPY t, line 1: "secret"`), 'permission denied');
  assert.equal(
    raised(`${statement}\nPL/pgSQL function inline_code_block line 1`),
    'permission denied',
  );
});
