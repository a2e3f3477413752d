import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { methodsModel } from '../../support/methods-model.ts';
import { eventually, TestSite } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const MODEL = methodsModel();
let server: TestServer;
let a: TestSite;
let b: TestSite;

before(async () => {
  server = await startServer(18);
  a = await TestSite.create(1, await server.createDatabase('methods_a'), MODEL);
  b = await TestSite.create(2, await server.createDatabase('methods_b'), MODEL);
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

const ROW = `SELECT concat_ws(' ', top, low, serial, state, level, extract(year FROM seen), word, note) AS v
  FROM test.host WHERE id = $1`;

async function row(site: TestSite, id: number): Promise<string | undefined> {
  return (await site.sql.query<{ v: string }>(ROW, [id])).rows[0]?.v;
}

const both = (id: number, wanted: string): Promise<void> =>
  eventually(`both sites have ${wanted}`, async () => {
    return (await row(a, id)) === wanted && (await row(b, id)) === wanted;
  });

test('of concurrent writes the best value of each column stands, whoever was later', async () => {
  await a.sql.query(
    `INSERT INTO test.host VALUES (1, 5, 5, 4294967290, 'offered', 'low', '2020-01-01', 'm', 'x')`,
  );
  await both(1, '5 5.00 4294967290 offered low 2020 m x');
  await cut();
  await a.sql.query(
    `UPDATE test.host SET top = 9, low = 4.5, serial = 3, state = 'stopped', level = 'low',
       seen = '2030-01-01', word = 'z', note = 'a'`,
  );
  await b.sql.query(
    `UPDATE test.host SET top = 7, low = 4.25, serial = 4294967295, state = 'active', level = 'high',
       seen = '2025-01-01', word = 'ä', note = 'b'`,
  );
  await connected();
  await both(1, '9 4.25 3 stopped high 2030 ä b');
  for (const site of [a, b]) {
    const { rows } = await site.sql.query<{ v: string }>(
      `SELECT string_agg(column_group || ' ' || method, ', ' ORDER BY column_group) AS v FROM crp.conflict`,
    );
    assert.match(rows[0]!.v, /low minimum, note overwrite, seen maximum, serial serial-maximum/);
  }
});

test('what follows a merged value is applied plainly', async () => {
  await b.sql.query('UPDATE test.host SET top = top + 1, serial = serial + 1');
  await both(1, '10 4.25 4 stopped high 2030 ä b');
});

test('a write that goes down is refused with the column, both values and the method', async () => {
  const refused: [set: string, says: RegExp][] = [
    ['top = 1', /column "top" of "host" cannot go from 10 to 1: its method is maximum/],
    ['top = NULL', /cannot go from 10 to NULL/],
    ['low = 5', /its method is minimum/],
    ['serial = 3', /cannot go from 4 to 3: its method is serial-maximum/],
    [`state = 'active'`, /from stopped to active: its method is priority-group/],
    [`level = 'low'`, /from high to low: its method is maximum/],
    [`seen = '2000-01-01'`, /its method is maximum/],
    [`word = 'zzz'`, /from ä to zzz/],
  ];
  for (const [set, says] of refused) {
    await assert.rejects(a.sql.query(`UPDATE test.host SET ${set}`), (error: Error) => {
      assert.equal((error as { code?: string }).code, '23514');
      assert.match(error.message, says);
      return true;
    });
  }
  await a.sql.query('UPDATE test.host SET serial = 2000000000');
  await both(1, '10 4.25 2000000000 stopped high 2030 ä b');
});

test('two steps of a serial number that arrive as one change go all the way', async () => {
  await cut();
  await a.sql.query('UPDATE test.host SET serial = 4000000000');
  await a.sql.query('UPDATE test.host SET serial = 1705032704');
  await connected();
  await both(1, '10 4.25 1705032704 stopped high 2030 ä b');
});

test('a row that was deleted and inserted again begins anew', async () => {
  await a.sql.query('DELETE FROM test.host');
  await a.sql.query(`INSERT INTO test.host (id, top, state) VALUES (1, 1, 'offered')`);
  await both(1, '1 offered');
});
