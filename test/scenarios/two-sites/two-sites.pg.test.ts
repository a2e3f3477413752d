import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { SAY_FOREIGN } from '../../../src/postgres/origin.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { LEASES } from '../../support/lease-model.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const STATE = `SELECT md5(coalesce(string_agg(l::text, E'\\n' ORDER BY address), '')) AS hash FROM leases.lease AS l`;

for (const versions of [
  [18, 18],
  [15, 15],
  [15, 18],
] as const) {
  const skip =
    versions.includes(15 as never) && !hasDebian15() ? 'needs the package postgresql-15' : false;
  describe(`two sites on PostgreSQL ${versions.join(' and ')}`, { skip }, () =>
    scenarios(versions),
  );
}

function scenarios(versions: readonly [18 | 15, 18 | 15]): void {
  const servers: TestServer[] = [];
  let a: TestSite;
  let b: TestSite;

  before(async () => {
    for (const version of new Set(versions)) servers.push(await startServer(version));
    a = await TestSite.create(1, await servers[0]!.createDatabase('a'), LEASES);
    b = await TestSite.create(2, await servers.at(-1)!.createDatabase('b'), LEASES);
    await connected();
  });

  after(async () => {
    await a?.remove();
    await b?.remove();
    for (const server of servers) await server.remove();
  });

  const connected = async (): Promise<void> => {
    await a.start(b, LEASES);
    await b.start(a, LEASES);
  };
  const cut = async (): Promise<void> => {
    await a.stop();
    await b.stop();
  };
  const state = async (site: TestSite): Promise<string> =>
    (await site.sql.query<{ hash: string }>(STATE)).rows[0]!.hash;
  const equal = (): Promise<void> =>
    eventually('both sites are equal', async () => (await state(a)) === (await state(b)));
  const row = async (site: TestSite, address: number): Promise<unknown> =>
    (
      await site.sql.query(
        'SELECT hostname, note, renewals::int, hwaddr FROM leases.lease WHERE address = $1',
        [address],
      )
    ).rows[0];
  const conflicts = async (site: TestSite, key: number): Promise<string[]> =>
    (
      await site.sql.query<{ type: string }>(
        `SELECT type FROM crp.conflict WHERE (key->>'address')::bigint = $1 ORDER BY id`,
        [key],
      )
    ).rows.map((conflict) => conflict.type);

  test('inserts, updates, deletes and a key change arrive in both directions', async () => {
    await a.sql.query(
      `INSERT INTO leases.lease VALUES (1, '\\x01', 'one'), (2, '\\x02', 'two'), (3, NULL, 'three')`,
    );
    await b.sql.query(`INSERT INTO leases.lease VALUES (11, '\\x0b', 'eleven')`);
    await eventually('all rows are at both sites', async () => {
      const counts = await Promise.all([a, b].map((s) => s.sql.query('SELECT FROM leases.lease')));
      return counts.every((count) => count.rowCount === 4);
    });
    await a.sql.query(`UPDATE leases.lease SET hostname = 'eins' WHERE address = 1`);
    await a.sql.query('DELETE FROM leases.lease WHERE address = 2');
    await b.sql.query('UPDATE leases.lease SET address = 12 WHERE address = 11');
    await eventually('the changes are there', async () => {
      const at = async (s: TestSite): Promise<string> =>
        (
          await s.sql.query(
            `SELECT string_agg(address || coalesce(hostname, ''), ',' ORDER BY address) AS v FROM leases.lease`,
          )
        ).rows[0].v;
      return (await at(a)) === '1eins,3three,12eleven' && (await at(b)) === '1eins,3three,12eleven';
    });
    await equal();
  });

  test('concurrent changes of two column groups both survive, and additive ones add up', async () => {
    await a.sql.query(`INSERT INTO leases.lease VALUES (20, '\\x01', 'x')`);
    await eventually('the row is at b', async () => (await row(b, 20)) !== undefined);
    await cut();
    await a.sql.query(
      `UPDATE leases.lease SET hostname = 'from-a', renewals = renewals + 2 WHERE address = 20`,
    );
    await b.sql.query(
      `UPDATE leases.lease SET hwaddr = '\\x99', renewals = renewals + 3 WHERE address = 20`,
    );
    await connected();
    const expected = { hostname: 'from-a', note: null, renewals: 5, hwaddr: Buffer.from([0x99]) };
    await eventually(
      'b has both',
      async () => JSON.stringify(await row(b, 20)) === JSON.stringify(expected),
    );
    await equal();
    assert.deepEqual(await row(a, 20), expected);
  });

  test('of concurrent changes of one group the later wins, and both sites record the conflict', async () => {
    await a.sql.query(`INSERT INTO leases.lease VALUES (30, NULL, 'x')`);
    await eventually('the row is at b', async () => (await row(b, 30)) !== undefined);
    await cut();
    await a.sql.query(`UPDATE leases.lease SET hostname = 'earlier' WHERE address = 30`);
    await b.sql.query(`UPDATE leases.lease SET hostname = 'later' WHERE address = 30`);
    await connected();
    await eventually('both recorded it', async () => {
      const found = await Promise.all([conflicts(a, 30), conflicts(b, 30)]);
      return found.every((list) => list.length === 1);
    });
    await equal();
    assert.equal(((await row(a, 30)) as { hostname: string }).hostname, 'later');
    assert.deepEqual(await conflicts(a, 30), ['update']);
  });

  test('a delete wins over a concurrent update, and the update is in the conflict list', async () => {
    await a.sql.query(`INSERT INTO leases.lease VALUES (40, NULL, 'x')`);
    await eventually('the row is at b', async () => (await row(b, 40)) !== undefined);
    await cut();
    await a.sql.query('DELETE FROM leases.lease WHERE address = 40');
    await b.sql.query(`UPDATE leases.lease SET hostname = 'lost' WHERE address = 40`);
    await connected();
    await eventually('both recorded it', async () => {
      const found = await Promise.all([conflicts(a, 40), conflicts(b, 40)]);
      return found.every((list) => list.includes('delete'));
    });
    await equal();
    assert.equal(await row(a, 40), undefined);
  });

  test('a delete that commits while a conflicting update waits for its row wins too', async () => {
    await a.sql.query(`INSERT INTO leases.lease VALUES (45, NULL, 'x')`);
    await eventually('the row is at b', async () => (await row(b, 45)) !== undefined);
    await cut();
    await a.sql.query(`UPDATE leases.lease SET hostname = 'from-a' WHERE address = 45`);
    await b.sql.query(`UPDATE leases.lease SET hostname = 'from-b' WHERE address = 45`);
    await b.sql.query('BEGIN');
    await b.sql.query('DELETE FROM leases.lease WHERE address = 45');
    await connected();
    await withConnection(b.dsn, 'test', async (observer) => {
      await eventually('apply waits for the row', async () => {
        const { rowCount } = await observer.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name LIKE 'syncline apply%'`,
        );
        return rowCount! > 0;
      });
    });
    await b.sql.query('COMMIT');
    await eventually('the delete is at a', async () => (await row(a, 45)) === undefined);
    await equal();
    assert.equal(await row(b, 45), undefined);
  });

  test('the same key inserted at both sites: the later insert stands everywhere', async () => {
    await cut();
    await a.sql.query(`INSERT INTO leases.lease VALUES (50, NULL, 'a')`);
    await b.sql.query(`INSERT INTO leases.lease VALUES (50, NULL, 'b')`);
    await connected();
    await eventually(
      'a has b’s',
      async () => ((await row(a, 50)) as { hostname: string }).hostname === 'b',
    );
    await equal();
    assert.deepEqual(await conflicts(a, 50), ['uniqueness']);
  });

  test('a transaction larger than logical_decoding_work_mem is streamed and applied whole', async () => {
    await a.sql.query(
      `INSERT INTO leases.lease SELECT g, '\\xff', 'bulk' || g FROM generate_series(1000, 60999) AS g`,
    );
    await eventually('all are at b', async () => {
      const count = await b.sql.query('SELECT FROM leases.lease WHERE address >= 1000');
      return count.rowCount === 60_000;
    });
    await a.sql.query(
      "BEGIN; SAVEPOINT s; UPDATE leases.lease SET note = 'undone' WHERE address >= 1000; " +
        "ROLLBACK TO s; UPDATE leases.lease SET note = 'done' WHERE address >= 1000; DELETE FROM leases.lease WHERE address >= 50000; COMMIT",
    );
    await eventually('the update is at b', async () => {
      const count = await b.sql.query(`SELECT FROM leases.lease WHERE note = 'done'`);
      return count.rowCount === 49_000;
    });
    await equal();
  });

  test('an applier that is idle goes by what its database has when its session is made again', async () => {
    await equal();
    const before = a.journal.position(1);
    await a.sql.query(`INSERT INTO leases.lease VALUES (70, '\\x01', 'seventy')`);
    await eventually('the row is at b', async () => (await row(b, 70)) !== undefined);
    // As a standby that lacks it and was promoted: nothing is written at a that would wake the applier.
    await b.sql.query(`SELECT pg_replication_origin_create('put_back')`);
    await b.sql.query(
      `SELECT pg_replication_origin_session_setup('put_back'); ${SAY_FOREIGN};
       SET LOCAL session_replication_role = replica; DELETE FROM leases.lease WHERE address = 70;
       UPDATE crp.progress SET position = ${before}`,
    );
    await b.sql.query(
      `SELECT pg_replication_origin_session_reset(); SELECT pg_replication_origin_drop('put_back');
       SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'syncline apply%' AND datname = current_database()`,
    );
    await eventually('the row is there again', async () => (await row(b, 70)) !== undefined);
    await equal();
  });

  test('TRUNCATE is refused with the statement to use instead', async () => {
    await assert.rejects(
      a.sql.query('TRUNCATE leases.lease'),
      (error: Error & { hint?: string }) => {
        assert.match(error.message, /TRUNCATE of the replicated table "lease"/);
        assert.match(error.hint ?? '', /DELETE FROM lease/);
        return true;
      },
    );
  });
}
