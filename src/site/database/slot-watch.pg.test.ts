import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { hasDebian15, startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { silentLog } from '../../base/log.ts';
import { connect } from '../../postgres/connect.ts';
import { readSlotLimits, readSlotStatus, SlotWatch } from './slot-watch.ts';

const MIB = 2 ** 20;

for (const version of [18, 15] as const) {
  test(`a slot of PostgreSQL ${version}`, { skip: version === 15 && !hasDebian15() }, async (t) => {
    let server: TestServer;
    let admin: Client;
    let role: Client;
    before(async () => {
      server = await startServer(version, { max_slot_wal_keep_size: '64MB' });
      admin = await connect(server.dsn('postgres'), 'test');
      await admin.query(`CREATE ROLE plain LOGIN PASSWORD 'secret'`);
      role = await connect(server.dsn('postgres').replace('postgres:', 'plain:'), 'plain');
      await admin.query(`SELECT pg_create_logical_replication_slot('crp_test_one', 'pgoutput')`);
    });
    after(async () => {
      await role?.end();
      await admin?.end();
      await server?.remove();
    });
    const write = (bytes: number): Promise<unknown> =>
      role.query(`SELECT pg_logical_emit_message(true, 'x', repeat('x', $1))`, [bytes]);
    const watch = new SlotWatch({ slot: 'crp_test_one', log: silentLog() });
    const look = async (): Promise<string> => {
      await watch.look(role);
      return watch
        .problems()
        .map(({ message }) => message)
        .join('\n');
    };

    await t.test('is seen by every role, with what it keeps', async () => {
      await write(10 * MIB);
      const slot = await readSlotStatus(role, 'crp_test_one');
      assert.equal(slot?.walStatus, 'reserved');
      assert.ok(slot.walBytes! > 10 * MIB && slot.uncapturedBytes! > 10 * MIB);
      assert.ok(slot.safeBytes! > 0 && slot.catalogXminAge! > 0);
      assert.equal(slot.xminAge, undefined);
      assert.equal(slot.inactiveSince !== undefined, version === 18);
      assert.equal((await readSlotLimits(role)).keptWal, 64 * MIB);
      assert.equal(await readSlotStatus(role, 'crp_test_two'), undefined);
      assert.equal(await look(), '');
    });

    await t.test(
      'is a problem when it may be lost, with who holds it, until it is none',
      async () => {
        await admin.query('BEGIN');
        await admin.query(`SELECT pg_logical_emit_message(true, 'x', 'x')`);
        await write(40 * MIB);
        assert.match(await look(), /^.* than half .* \(64\.0 MiB\) .* see what capture waits for$/);
        const advance = `SELECT pg_replication_slot_advance('crp_test_one', pg_current_wal_lsn())`;
        await admin.query(advance);
        const [pid] = (await admin.query('SELECT pg_backend_pid() AS pid')).rows as {
          pid: number;
        }[];
        assert.match(await look(), new RegExp(`open when it was written: process ${pid!.pid} `));
        await admin.query('COMMIT');
        // The first running-transactions record without the transaction lets the slot go on, the second one has it confirmed.
        for (let i = 0; i < 2; i++) {
          await admin.query('CHECKPOINT');
          await admin.query(advance);
        }
        assert.equal(await look(), '');
      },
    );
  });
}
