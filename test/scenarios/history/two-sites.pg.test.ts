import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { trimHistory } from '../../../src/apply/history/history-trim.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import { settleConflict } from '../../../src/site/upkeep/settle.ts';
import { modelDdl } from '../../../src/sql/ddl/entity-ddl.ts';
import { historyModel, PICK } from '../../support/history-model.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const MODEL = historyModel();
let server: TestServer;
let a: TestSite;
let b: TestSite;

before(async () => {
  server = await startServer(18);
  const databases = [
    await server.createDatabase('history_a'),
    await server.createDatabase('history_b'),
  ] as const;
  for (const dsn of databases) await withConnection(dsn, 'test', (client) => client.query(PICK));
  a = await TestSite.create(1, databases[0], MODEL);
  b = await TestSite.create(2, databases[1], MODEL);
  await b.sql.query(`INSERT INTO crp.model VALUES ('test-history', '1', 'x', $1)`, [MODEL]);
  await connected();
});

after(async () => {
  await a?.remove();
  await b?.remove();
  await server?.remove();
});

async function connected(): Promise<void> {
  await a.start(b, MODEL);
  await b.start(a, MODEL);
}

async function cut(): Promise<void> {
  await a.stop();
  await b.stop();
}

/** Everything in a table: id, value and note. */
async function content(site: TestSite, table: string): Promise<string> {
  const { rows } = await site.sql.query<{ v: string | null }>(
    `SELECT string_agg(concat_ws(' ', id, coalesce(v::text, '-'), note), ', ' ORDER BY id) AS v
     FROM test.${table} WHERE id < 900`,
  );
  return rows[0]!.v ?? '';
}

/** The row with its stamps; what has to be equal in the end. */
async function whole(site: TestSite, table: string): Promise<string> {
  const { rows } = await site.sql.query<{ v: string | null }>(
    `SELECT string_agg(x::text, ', ' ORDER BY id) AS v FROM test.${table} AS x WHERE id < 900`,
  );
  return rows[0]!.v ?? '';
}

async function both(table: string, wanted: string): Promise<void> {
  let found: string[] = [];
  await eventually(`both sites have ${wanted} in ${table}`, async () => {
    found = [await content(a, table), await content(b, table)];
    return found.every((one) => one === wanted);
  }).catch((error: Error) => {
    throw new Error(`${error.message}; they have ${found.join(' / ')}`);
  });
  await same(table);
}

async function same(table: string): Promise<void> {
  let found: string[] = [];
  await eventually(`the rows of ${table} are equal`, async () => {
    found = [await whole(a, table), await whole(b, table)];
    return found[0] === found[1];
  }).catch((error: Error) => {
    throw new Error(`${error.message}; they are ${found.join(' / ')}`);
  });
}

/** Both sites have applied everything that the other one wrote. */
async function settled(): Promise<void> {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    const marker = `marker ${Date.now()} ${from.number}`;
    await from.sql.query(
      `INSERT INTO test.early VALUES (900, 0, $1) ON CONFLICT (id) DO UPDATE SET note = $1`,
      [marker],
    );
    await eventually(`the marker of ${from.number} arrives`, async () => {
      const { rows } = await to.sql.query('SELECT FROM test.early WHERE note = $1', [marker]);
      return rows.length > 0;
    });
  }
}

const set = (table: string, v: number): string => `UPDATE test.${table} SET v = ${v}`;
const gone = (table: string): string => `DELETE FROM test.${table}`;
const put = (table: string, v: number): string => `INSERT INTO test.${table} VALUES (1, ${v}, 'n')`;

/** [table, what a writes first, what b writes then, the end]. Row 1 has the value 10 at the beginning. */
const CASES: [table: string, first: string, second: string, end: string][] = [
  ['early', set('early', 20), set('early', 30), '1 20 n'],
  ['discard', set('discard', 20), set('discard', 30), '1 20 n'],
  ['average', set('average', 20), set('average', 31), '1 26 n'],
  ['priority', set('priority', 20), set('priority', 30), '1 30 n'],
  ['owner', set('owner', 20), set('owner', 30), '1 20 n'],
  ['function', set('function', 40), set('function', 30), '1 40 n'],
  ['park', set('park', 20), set('park', 30), '1 20 n'],
  ['update', gone('update'), set('update', 30), '1 30 n'],
  ['latest', gone('latest'), set('latest', 30), '1 30 n'],
  ['parked', set('parked', 20), gone('parked'), '1 20 n'],
  [
    'first',
    `${gone('first')}; ${put('first', 20)}`,
    `${gone('first')}; ${put('first', 30)}`,
    '1 20 n',
  ],
  [
    'merged',
    `${gone('merged')}; ${put('merged', 20)}`,
    `${gone('merged')}; ${put('merged', 31)}`,
    '1 26 n',
  ],
];

/** The same with the sites changed: what b writes first, what a writes then. */
const MIRRORED: typeof CASES = [
  ['early', set('early', 20), set('early', 30), '1 20 n'],
  ['discard', set('discard', 20), set('discard', 30), '1 20 n'],
  ['average', set('average', 21), set('average', 30), '1 26 n'],
  ['priority', set('priority', 20), set('priority', 30), '1 20 n'],
  ['owner', set('owner', 20), set('owner', 30), '1 30 n'],
  ['function', set('function', 20), set('function', 40), '1 40 n'],
  ['park', set('park', 20), set('park', 30), '1 20 n'],
  ['update', set('update', 30), gone('update'), '1 30 n'],
  ['latest', set('latest', 30), gone('latest'), ''],
  ['parked', gone('parked'), set('parked', 20), '1 20 n'],
  [
    'first',
    `${gone('first')}; ${put('first', 20)}`,
    `${gone('first')}; ${put('first', 30)}`,
    '1 20 n',
  ],
  [
    'merged',
    `${gone('merged')}; ${put('merged', 20)}`,
    `${gone('merged')}; ${put('merged', 31)}`,
    '1 26 n',
  ],
];

async function play(first: TestSite, second: TestSite, cases: typeof CASES): Promise<void> {
  for (const [table] of cases) {
    await a.sql.query(`DELETE FROM test.${table}`);
    await a.sql.query(put(table, 10));
  }
  for (const [table] of cases) await both(table, '1 10 n');
  await cut();
  for (const [, one] of cases) await first.sql.query(one);
  for (const [, , two] of cases) await second.sql.query(two);
  await connected();
  for (const [table, , , end] of cases) await both(table, end);
  await settled();
  for (const [table, , , end] of cases) await both(table, end);
}

/** Conflicts of a site by status, with method and entity. */
async function conflicts(site: TestSite, status: string): Promise<string[]> {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT DISTINCT entity || ' ' || method AS v FROM crp.conflict WHERE status = $1 ORDER BY v`,
    [status],
  );
  return rows.map((row) => row.v);
}

test('each method and rule has its outcome at both sites, and its conflict is recorded', async () => {
  await play(a, b, CASES);
  for (const site of [a, b]) {
    assert.deepEqual(await conflicts(site, 'parked'), ['park park', 'parked park']);
    assert.deepEqual(await conflicts(site, 'resolved'), [
      'average average',
      'discard discard',
      'early earliest-timestamp',
      'first earliest-timestamp',
      'function sql-function',
      'latest latest-timestamp',
      'merged merge',
      'owner owner-wins',
      'priority site-priority',
      'update update-wins',
    ]);
    // Both sites show the operator the same two sides, whichever came first; a delete has no row.
    const { rows } = await site.sql.query<{ v: string }>(
      `SELECT concat_ws(' ', entity, local_row ->> 'v', coalesce(remote_row ->> 'v', '-')) AS v
       FROM crp.conflict WHERE status = 'parked' ORDER BY v`,
    );
    assert.deepEqual(
      rows.map((row) => row.v),
      ['park 20 30', 'parked 20 -'],
    );
  }
});

test('the same with the sites changed', () => play(b, a, MIRRORED));

test('what a site writes into its own insert stays when the insert of another site is merged with it', async () => {
  await cut();
  await a.sql.query(`INSERT INTO test.merged VALUES (7, 20, NULL)`);
  await b.sql.query(`INSERT INTO test.merged VALUES (7, 31, NULL), (8, 40, 'later')`);
  await a.sql.query(`UPDATE test.merged SET note = 'stop' WHERE id = 7`);
  await a.sql.query(`INSERT INTO test.merged VALUES (8, NULL, 'latest')`);
  await b.sql.query(`DELETE FROM test.merged WHERE id = 1`);
  await connected();
  await both('merged', '7 26 stop, 8 40 latest');
  // Each site changes the row by the birth that both have now, also when the history is gone.
  await settled();
  for (const site of [a, b]) await trim(site, 2n ** 62n);
  await b.sql.query(`UPDATE test.merged SET v = 50 WHERE id = 7`);
  await both('merged', '7 50 stop, 8 40 latest');
  await a.sql.query(`DELETE FROM test.merged WHERE id = 7`);
  await both('merged', '8 40 latest');
});

test('changes of one transaction are replayed one by one', async () => {
  await a.sql.query('UPDATE test.average SET v = 10');
  await both('average', '1 10 n');
  await cut();
  await b.sql.query(set('average', 30));
  await a.sql.query(`BEGIN; ${set('average', 20)}; ${set('average', 40)}; COMMIT`);
  await connected();
  // The mean of 30 and 20, then of that and 40. Folded to one change it would be that of 30 and 40.
  await both('average', '1 33 n');
});

test('where a function returns NULL or fails the values are parked, and an operator settles them', async () => {
  for (const value of [60, 13]) {
    await a.sql.query('UPDATE test.function SET v = 10');
    await both('function', '1 10 n');
    await cut();
    await a.sql.query(set('function', 40));
    await b.sql.query(set('function', value));
    await connected();
    await both('function', '1 40 n');
  }
  const { rows } = await b.sql.query<{ id: string; remote: { v: string } }>(
    `SELECT id, remote_row AS remote FROM crp.conflict WHERE entity = 'function' AND status = 'parked' ORDER BY id`,
  );
  assert.equal(rows.length, 2);
  await settleConflict(b.sql, Number(rows[1]!.id), { values: { v: 77 } });
  await both('function', '1 77 n');
});

/** Writes a few rows of some tables, in every way that there is, until told to stop. */
function load(site: TestSite): { stop: () => Promise<void>; writes: () => number } {
  let stopped = false;
  let n = 0;
  const tables = ['average', 'discard', 'update', 'latest', 'first', 'function'];
  const work = withConnection(site.dsn, 'test load', async (client) => {
    for (; !stopped; n++) {
      const table = `test.${tables[n % tables.length]}`;
      const id = 10 + (Math.floor(n / tables.length) % 3);
      const kind = (n * 7 + site.number) % 10;
      if (kind < 6) await client.query(`UPDATE ${table} SET v = v + ${n % 5} WHERE id = ${id}`);
      else if (kind < 8) await client.query(`DELETE FROM ${table} WHERE id = ${id}`);
      await client.query(
        `INSERT INTO ${table} VALUES (${id}, ${n}, $1) ON CONFLICT (id) DO UPDATE SET note = $1`,
        [`${site.number} ${n}`],
      );
    }
  });
  return {
    stop: async () => {
      stopped = true;
      await work;
    },
    writes: () => n,
  };
}

async function trim(site: TestSite, stable: bigint): Promise<number> {
  return withConnection(site.dsn, 'test trim', async (client) => {
    let gone = 0;
    for (const entity of MODEL.entities) {
      gone += await trimHistory(client, entity, { stable, names: () => new Map() });
    }
    return gone;
  });
}

async function greatestStamp(site: TestSite): Promise<bigint> {
  const parts = MODEL.entities.map((one) => `SELECT max(_crp_stamp) AS s FROM crp.${one.history}`);
  const { rows } = await site.sql.query<{ s: string }>(
    `SELECT max(s) AS s FROM (${parts.join(' UNION ALL ')}) AS x`,
  );
  return BigInt(rows[0]!.s);
}

test('under load at both sites what is stable is trimmed at one of them, and both stay equal', async () => {
  let bases = 0;
  for (const trimming of [a, b, a]) {
    await settled();
    const stable = await greatestStamp(trimming);
    const loads = [load(a), load(b)];
    try {
      const more = async (): Promise<void> => {
        const goals = loads.map((one) => one.writes() + 40);
        await eventually('more writes', () => loads.every((one, i) => one.writes() >= goals[i]!));
      };
      await more();
      assert.ok((await trim(trimming, stable)) > 0, 'something is trimmed');
      const { rows } = await trimming.sql.query(
        'SELECT FROM crp.average_history WHERE _crp_base UNION ALL SELECT FROM crp.discard_history WHERE _crp_base',
      );
      bases += rows.length;
      await more();
    } finally {
      for (const one of loads) await one.stop();
    }
    await settled();
    for (const { name } of MODEL.entities) await same(name);
  }
  assert.ok(bases > 0, 'some keys have a base');
});

const refused: [what: string, create: string, says: RegExp][] = [
  ['is missing', '', /function "public"\."pick"\(integer, integer, integer\) does not exist/],
  ['is not IMMUTABLE', PICK.replace('IMMUTABLE', 'STABLE'), /pick.* is not IMMUTABLE/],
  [
    'returns something else',
    PICK.replace('RETURNS integer', 'RETURNS bigint').replace('SELECT', 'SELECT 1::bigint +'),
    /pick.* does not return integer/,
  ],
];

for (const [what, create, says] of refused) {
  test(`a model whose function ${what} is refused`, async () => {
    const dsn = await server.createDatabase(`refused_${what.replaceAll(' ', '_').toLowerCase()}`);
    await withConnection(dsn, 'test', async (client) => {
      await client.query(`${create}; CREATE SCHEMA crp`);
      const asks = MODEL.entities.filter((entity) => entity.name === 'function');
      const statements = modelDdl({ ...MODEL, entities: asks }, 1);
      const made = async (): Promise<void> => {
        for (const statement of statements) await client.query(statement);
      };
      await assert.rejects(made, says);
    });
  });
}
