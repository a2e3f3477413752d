import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '../../../src/postgres/connect.ts';
import { clashModel } from '../../support/clash-model.ts';
import { isWaitedFor } from '../../support/locks.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * A row loses the target of a reference and gets another key before its site has settled that. PostgreSQL does not check
 * the reference again, since the update leaves it as it was: all sites must settle the row under its new key.
 */

let server: TestServer;
let group: SteppedGroup;
let [one, two]: SteppedSite[] = [];

before(async () => {
  server = await startServer(18);
  group = await SteppedGroup.open(server, { ...clashModel(), name: 'orphan-key' });
  [one, two] = group.sites;
  await one!.sql.query('INSERT INTO test.parent (id) VALUES (99)');
});

after(async () => {
  await group?.close();
  await server?.remove();
});

/** The first site has a row of the child, whose parent the second one deletes. */
async function orphanedAtOne(id: number): Promise<void> {
  await one!.sql.query(`INSERT INTO test.parent (id) VALUES (${id})`);
  await group.exchange();
  await one!.sql.query(`INSERT INTO test.child_park (id, of) VALUES (${id}, ${id})`);
  await two!.sql.query(`DELETE FROM test.parent WHERE id = ${id}`);
  await two!.capture();
}

async function assertWaits(id: number): Promise<void> {
  await group.exchange();
  await group.assertEqual();
  for (const { sql } of group.sites) {
    assert.equal((await sql.query('SELECT FROM test.child_park')).rowCount, 0);
    const { rows } = await sql.query<{ id: string }>(
      `SELECT key ->> 'id' AS id FROM crp.waiting WHERE entity = 'child-park'`,
    );
    assert.ok(rows.some((row) => row.id === String(id)));
  }
}

test('the key changes after the delete was applied', async () => {
  await orphanedAtOne(1);
  await one!.apply(two!, 1);
  await one!.sql.query('UPDATE test.child_park SET id = 101 WHERE id = 1');
  await assertWaits(101);
});

test('the key changes while the delete is applied', async () => {
  await orphanedAtOne(2);
  const service = await connect(one!.dsn, 'test service');
  try {
    await service.query('BEGIN');
    await service.query('UPDATE test.child_park SET id = 102 WHERE id = 2');
    const applied = one!.apply(two!, 1);
    await eventually('apply waits for the row', () => isWaitedFor(one!.sql, service));
    await service.query('COMMIT');
    await applied;
  } finally {
    await service.end();
  }
  await assertWaits(102);
});
