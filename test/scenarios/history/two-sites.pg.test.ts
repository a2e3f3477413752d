import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
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
  a = await TestSite.create(1, await server.createDatabase('history_a'), MODEL);
  b = await TestSite.create(2, await server.createDatabase('history_b'), MODEL);
  for (const site of [a, b]) await site.sql.query(PICK);
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
  await eventually(`the rows of ${table} are equal`, async () => {
    return (await whole(a, table)) === (await whole(b, table));
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
