import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../../test/support/agents.ts';
import { clashModel } from '../../../test/support/clash-model.ts';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { eventually } from '../../../test/support/pair.ts';
import { connect } from '../../postgres/connect.ts';
import { deriveSelf } from './derive.ts';
import { lockIncumbents } from './incumbents.ts';
import { retry } from './retry.ts';
import { codecFor, Settling } from './settling.ts';

const MODEL = clashModel();
let server: TestServer;
let site: AgentSite;
let settling: Settling;

before(async () => {
  server = await startServer(18, { max_notify_queue_pages: '64' });
  // Its agent is down: nobody but the test settles what waits.
  site = await AgentSite.init('one', {
    adminUrl: await server.createDatabase('one'),
    model: MODEL,
  });
  settling = await Settling.open({
    ...{ dsn: site.config.database.url, models: [MODEL] },
    site: { number: 1, name: 'one' },
    siteNames: () => new Map([[1, 'one']]),
    follow: () => Promise.resolve(true),
  });
});

after(async () => {
  await settling?.close();
  await site?.remove();
  await server?.remove();
});

/** Row 2 waits with this name; its claim is a microsecond later than that of row 1, as a form's is. */
async function waits(name: string, entity = 'append-sequence'): Promise<void> {
  await settling.remote.query(
    `INSERT INTO crp.waiting (entity, key, row, reason)
     SELECT $2, '{"id": "2"}', jsonb_build_object('id', '2', 'name', $1::text, 'note', 'x', 'uses', '1')
       || (SELECT jsonb_object_agg(h.key, (((h.value::bigint >> 11) + 1) << 11)::text) FROM jsonb_each_text(to_jsonb(t)) AS h
           WHERE h.key LIKE '\\_crp\\_%'), 'test'
     FROM test.${entity.replace('-', '_')} AS t WHERE id = 1`,
    [name, entity],
  );
}

/** Key and status of what is recorded of an entity, in order. */
async function records(entity: string): Promise<string[]> {
  const { rows } = await settling.remote.query<{ v: string }>(
    `SELECT concat_ws(' ', key->>'id', status) AS v FROM crp.conflict WHERE entity = $1 ORDER BY id`,
    [entity],
  );
  return rows.map(({ v }) => v);
}

async function names(): Promise<(string | null)[]> {
  const { rows } = await site.sql.query<{ name: string | null }>(
    'SELECT name FROM test.append_sequence ORDER BY id',
  );
  return rows.map((row) => row.name);
}

/** @throws what is another error */
function isFullQueue(error: Error): true {
  assert.match(error.message, /too many notifications/);
  return true;
}

test('a row whose next form came from another site while it was decided about gets no further form', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'append-sequence')!;
  const { uniques } = (await settling.target(entity)).rules;
  const work = { entity, key: { id: '2' } };
  await site.sql.query(`INSERT INTO test.append_sequence VALUES (1, 'n', 'x', 1)`);
  await waits('n');
  assert.equal((await retry(settling, entity, work.key)).is, 'derive');
  // Before it is derived here, apply merges what another site derived into the row that waits.
  await settling.remote.query('DELETE FROM crp.waiting');
  await waits('n#2');
  await deriveSelf(settling, { ...work, uniques });
  assert.deepEqual(await names(), ['n']);
  assert.equal((await retry(settling, entity, work.key)).is, 'settled');
  assert.deepEqual(await names(), ['n', 'n#2']);
});

test('a row that has to give way gets its next form', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'append-sequence')!;
  const { uniques } = (await settling.target(entity)).rules;
  await settling.remote.query('DELETE FROM test.append_sequence WHERE id = 2');
  await waits('n');
  await deriveSelf(settling, { entity, key: { id: '2' }, uniques });
  assert.deepEqual(await names(), ['n', 'n#2']);
});

test('a row that was sent out of its table has one record, under its own key, however often it is tried', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'latest')!;
  await site.sql.query(`INSERT INTO test.latest VALUES (1, 'n', 'x', 1)`);
  await waits('n', 'latest');
  assert.equal((await retry(settling, entity, { id: '2' })).is, 'settled');
  for (let tries = 0; tries < 3; tries++) {
    assert.equal((await retry(settling, entity, { id: '1' })).is, 'waits');
    assert.deepEqual(await records('latest'), ['1 parked']);
  }
  await site.sql.query('DELETE FROM test.latest WHERE id = 2');
  assert.equal((await retry(settling, entity, { id: '1' })).is, 'settled');
  assert.deepEqual(await records('latest'), ['1 resolved']);
});

test('what is recorded is so also where the queue of notifications is full', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'earliest')!;
  await site.sql.query(`INSERT INTO test.earliest VALUES (1, 'n', 'x', 1)`);
  const listener = await connect(site.config.database.url, 'test');
  try {
    await listener.query('LISTEN busy');
    await listener.query('BEGIN; SELECT 1');
    for (const size of [7_000, 500, 10]) {
      const fill = `SELECT pg_notify('busy', repeat('x', ${size}))`;
      let isFull = false;
      while (!isFull) isFull = await site.sql.query(fill).then(() => false, isFullQueue);
    }
    await waits('n', 'earliest');
    assert.equal((await retry(settling, entity, { id: '2' })).is, 'waits');
    assert.deepEqual(await records('earliest'), ['2 parked']);
  } finally {
    await listener.end();
  }
});

test('a row that gives way with its older form says that others may come in', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'earliest')!;
  await site.sql.query('DELETE FROM test.earliest');
  await settling.remote.query(`DELETE FROM crp.waiting WHERE entity = 'earliest'`);
  for (const row of [`(2, 'm', 'x', 1)`, `(1, 'n', 'x', 1)`]) {
    await site.sql.query(`INSERT INTO test.earliest VALUES ${row}`);
  }
  await waits('n', 'earliest');
  assert.equal((await retry(settling, entity, { id: '2' })).is, 'left');
  const { rows } = await site.sql.query('SELECT id FROM test.earliest');
  assert.deepEqual(rows, [{ id: 1 }]);
  assert.equal((await retry(settling, entity, { id: '2' })).is, 'waits');
});

test('a row that loses its value while its lock is waited for is in nobody’s way', async () => {
  const entity = MODEL.entities.find(({ name }) => name === 'append-sequence')!;
  const target = await settling.target(entity);
  const { shape } = codecFor(target);
  const wanted: Record<string, string> = { id: '3', name: 'n', uses: '1' };
  const values = shape.columns.map(({ name }) => wanted[name] ?? null);
  const { index } = target.indexes[0]!;
  const keys = (rows: (string | null)[][]): (string | null)[] => rows.map((row) => row[0]!);
  assert.deepEqual(keys(await lockIncumbents(settling.remote, values, { shape, index })), ['1']);
  await site.sql.query(`BEGIN; UPDATE test.append_sequence SET name = 'free' WHERE id = 1`);
  const found = lockIncumbents(settling.remote, values, { shape, index });
  await eventually('it waits for the lock', async () => {
    const { rowCount } = await settling.local.query(
      `SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'`,
    );
    return rowCount === 1;
  });
  await site.sql.query('COMMIT');
  assert.deepEqual(keys(await found), []);
});
