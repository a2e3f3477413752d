import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { clashModel } from '../../test/support/clash-model.ts';
import { historyModel } from '../../test/support/history-model.ts';
import { LEASES } from '../../test/support/lease-model.ts';
import { setsModel } from '../../test/support/sets-model.ts';
import { catalogDdl, LAYOUT } from './ddl/catalog-ddl.ts';
import { refreshObjectsDdl, refreshTablesDdl } from './ddl/refresh-ddl.ts';

/** Layout, and what it is: a hash of the statements that make it. */
const KNOWN = { layout: 4, hash: 'c5dbedce38e44e0f' };

test('what a build makes in a database changes with its layout only', () => {
  const models = [LEASES, historyModel(), setsModel(), clashModel()];
  const roles = { owner: 'o', agent: 'a', service: 's' };
  const statements = [
    ...catalogDdl({ site: { name: 'one', number: 1, incarnation: 1 }, role: roles.agent }),
    ...refreshObjectsDdl(models, 1),
    ...refreshTablesDdl(models, { site: 1, roles, tables: [], serverMajor: 18 }),
  ];
  const hash = createHash('sha256').update(statements.join(';\n')).digest('hex').slice(0, 16);
  assert.deepEqual(
    { layout: LAYOUT, hash },
    KNOWN,
    'If databases of earlier builds need the change, raise LAYOUT (catalog-ddl.ts); in any case note the hash here',
  );
});
