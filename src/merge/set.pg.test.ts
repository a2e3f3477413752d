import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { setsModel } from '../../test/support/sets-model.ts';
import { installModel } from '../../test/support/install.ts';
import { hasDebian15, startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';
import { ident } from '../model/ir/names.ts';
import { merge } from './merge.ts';
import { policyOf, valueColumns } from './policy.ts';
import type { RowVersion } from './types.ts';
import { hiddenColumns } from '../model/ir/ir.ts';
import { connect } from '../postgres/connect.ts';
import { SEED } from '../../test/support/seed.ts';

const MODEL = setsModel();
const [ENTITY] = MODEL.entities;
let server: TestServer;
let sql: Client;

before(async () => {
  server = await startServer(hasDebian15() ? 15 : 18);
  sql = await connect(await server.createDatabase('sets'), 'test');
  await installModel(sql, { name: 'one', number: 5 }, MODEL);
  // What a service's session may have set must not change tags.
  await sql.query(
    `SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape'; SET DateStyle = 'German'`,
  );
});

after(async () => {
  await sql?.end();
  await server?.remove();
});

interface Account {
  alias: string[];
  role: string[];
  proxy: string[] | null;
  port: number[];
  tags: string[] | null;
  kept: string[] | null;
  stamp: string;
  other: string;
}

async function account(id = 1): Promise<Account> {
  const { rows } = await sql.query<Account>(
    `SELECT alias, role, proxy, port, _crp_alias_tags AS tags, _crp_role_tags AS kept,
       _crp_alias::text AS stamp, _crp_role::text AS other FROM test.account WHERE id = $1`,
    [id],
  );
  return rows[0]!;
}

const update = (set: string): Promise<unknown> => sql.query(`UPDATE test.account SET ${set}`);

test('an insert sorts a set, takes an element once, and writes no tags', async () => {
  await sql.query(`INSERT INTO test.account (id, alias, role, port, proxy)
    VALUES (1, '{b,a,b}', '{x}', '{10,9,10}', '{}')`);
  const row = await account();
  assert.deepEqual([row.alias, row.role, row.port], [['a', 'b'], ['x'], [9, 10]]);
  assert.deepEqual([row.tags, row.kept, row.proxy], [null, null, null]);
  await sql.query(`INSERT INTO test.account (id, alias) VALUES (2, NULL)`);
  assert.deepEqual((await account(2)).alias, []);
  await sql.query('DELETE FROM test.account WHERE id = 2');
});

test('a write that adds and removes nothing changes nothing', async () => {
  const old = await account();
  await update(`alias = '{b,a,a}', _crp_alias_tags = '{lie}', _crp_alias = 7`);
  assert.deepEqual(await account(), old);
});

test('what is added has the stamp of the write as tag, what was there keeps its own', async () => {
  const { stamp: birth } = await account();
  await update(`alias = alias || '{c,"d e"}'`);
  const { alias, tags, stamp, other } = await account();
  assert.deepEqual(alias, ['a', 'b', 'c', 'd e']);
  assert.deepEqual(tags, [`+${birth} a`, `+${birth} b`, `+${stamp} c`, `+${stamp} d e`]);
  assert.equal(other, birth, 'the stamp of another group');
});

test('what is removed leaves a tag where removals win, and only there', async () => {
  await update(`alias = array_remove(alias, 'a'), role = '{}', name = 'n'`);
  const { role, kept, tags, stamp, other } = await account();
  assert.equal(
    tags!.some((tag) => tag.endsWith(' a')),
    false,
  );
  assert.deepEqual([role, kept], [[], [`-${other} x`]]);
  await update(`role = '{x}'`);
  const again = await account();
  assert.deepEqual([again.role, again.kept], [['x'], [`+${again.other} x`]]);
  assert.equal(again.stamp, stamp);
});

test('a removal that every site knows is forgotten by the next write', async () => {
  await update(`role = '{y}'`);
  const removed = (await account()).other;
  await update(`role = '{y,z}'`);
  assert.match((await account()).kept!.join(), /-\d+ x/);
  await sql.query(`SELECT setval('crp.stable', $1::bigint)`, [removed]);
  await update(`role = '{z}'`);
  const { kept, other } = await account();
  assert.deepEqual(
    kept!.map((tag) => tag.replace(/\d+ /, '')),
    ['+z', '-y'],
  );
  assert.ok(kept!.includes(`-${other} y`));
});

test('a set that may be absent is NULL when it is empty, and empty when it may not', async () => {
  await update(`proxy = '{p}'`);
  assert.deepEqual((await account()).proxy, ['p']);
  await update(`proxy = '{}', alias = NULL`);
  const { proxy, alias } = await account();
  assert.deepEqual([proxy, alias], [null, []]);
});

test('a row that gets another key begins anew', async () => {
  await update(`id = 9, alias = '{q}'`);
  const { alias, tags, kept } = await account(9);
  assert.deepEqual([alias, tags, kept], [['q'], null, null]);
});

/** Columns as the slow path of apply reads them: all as text. */
async function version(): Promise<RowVersion> {
  const names = [
    ...hiddenColumns(ENTITY!).map(({ name }) => name),
    ...valueColumns(ENTITY!).map(({ name }) => name),
  ];
  const columns = names.map((name) => `${ident(name)}::text`).join(', ');
  await sql.query(
    `BEGIN; SET LOCAL TimeZone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL DateStyle = 'ISO'`,
  );
  const { rows } = await sql.query<(string | null)[]>({
    text: `SELECT ${columns} FROM test.account WHERE id = 3`,
    rowMode: 'array',
  });
  await sql.query('COMMIT');
  const groups = ENTITY!.groups.length;
  const [birth, ...rest] = rows[0]!;
  return {
    birth: BigInt(birth!),
    stamps: rest.slice(0, groups).map((stamp) => BigInt(stamp!)),
    values: rest.slice(rest.length - valueColumns(ENTITY!).length),
  };
}

const POOLS: [column: string, values: string[]][] = [
  ['alias', ['a', 'NULL', '', 'b c', 'q"\\', 'ä', '\uffee', '😀', '{x,y}']],
  ['role', ['a', 'B', 'null', ' lead', 'tab\t', 'ü']],
  ['port', ['1', '2', '10', '9', '65535']],
  ['address', ['00:0c:01:02:03:04', '02:00:00:00:00:01', '000c01020305']],
  ['photo', ['\\x00ff', '\\x61', '\\x5c']],
  ['seen', ['2026-01-01 00:00:00+00', '2026-06-01 00:00:00.5+02', '2025-01-01 00:00:00Z']],
  ['proxy', ['x', 'y']],
];

test('merge writes a set as the trigger does, byte for byte', async () => {
  let state = SEED;
  const note = `SEED=${state}`;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const policy = policyOf(ENTITY!);
  await sql.query(`INSERT INTO test.account (id, alias) VALUES (3, '{a}')`);
  for (let round = 0; round < 120; round++) {
    const old = await version();
    const set = POOLS.filter(() => random(3) === 0);
    const values = set.map(([, pool]) => pool.filter(() => random(2) === 0));
    if (set.length === 0) continue;
    const { rows } = await sql.query<{ v: string }>(
      `UPDATE test.account SET ${set.map(([column], at) => `${column} = $${at + 1}`).join(', ')}
        WHERE id = 3 RETURNING name AS v`,
      values,
    );
    assert.equal(rows.length, 1);
    const next = await version();
    const { state: merged } = merge(policy, { row: old }, { before: old, after: next });
    assert.deepEqual(merged.row, next, `${note} round ${round}`);
  }
});
