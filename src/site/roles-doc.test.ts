import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentGrants, agentTableGrants, serviceGrants } from '../sql/ddl/catalog-ddl.ts';
import { roleNames } from './database/provision.ts';
import { ROOT } from '../../test/support/root.ts';

const PAGE = readFileSync(join(ROOT, 'docs/operating/roles.md'), 'utf8');

test('the page on roles has exactly the grants that are made', () => {
  const { agent, service } = roleNames('ber');
  const made = [
    ...agentGrants(agent),
    ...agentTableGrants(agent, 'dns'),
    ...serviceGrants(service, 'dns'),
  ];
  const written = [...PAGE.matchAll(/^(GRANT [^;]+);$/gm)].map((match) => match[1]);
  // One is in a block that passes over a function which PostgreSQL 15 does not have.
  assert.deepEqual(
    written,
    made.map((statement) => /GRANT [^;]+/.exec(statement)?.[0]),
  );
});
