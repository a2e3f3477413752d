import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { mailboxModel } from '../../../test/support/mailbox-model.ts';
import { modelOf } from '../../../test/support/rules-model.ts';
import { installModel } from '../../../test/support/install.ts';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { policyOf, valueColumns } from '../../merge/policy.ts';
import { replay } from '../../merge/replay.ts';
import type { RowVersion } from '../../merge/types.ts';
import { hiddenColumns } from '../../model/ir/ir.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { useReplicationOrigin } from '../../postgres/origin.ts';
import { ident } from '../../model/ir/names.ts';
import { tableOf } from '../../sql/names/apply-names.ts';
import { modelDdl } from '../../sql/ddl/entity-ddl.ts';
import { historyOfKey } from '../../sql/apply/history-apply.ts';
import { historyOf } from '../../sql/ddl/history-ddl.ts';
import { upgradeDdl } from '../../sql/ddl/upgrade-ddl.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';
import { addStored } from './history-table.ts';
import type { StoredHistory } from './history-table.ts';
import { trimHistory } from './history-trim.ts';

const MODEL = mailboxModel();
const MESSAGE = MODEL.entities.find(({ name }) => name === 'message')!;
const POLICY = policyOf(MESSAGE);
/** Places of groups. */
const [FLAG, ROLE] = ['flag', 'role'].map((group) =>
  POLICY.groups.findIndex(({ name }) => name === group),
) as [number, number];
let server: TestServer;
let sql: Client;
let trimmer: Client;

before(async () => {
  server = await startServer(18);
  const dsn = await server.createDatabase('mailbox');
  sql = await connect(dsn, 'test');
  await installModel(sql, { name: 'one', number: 5 }, MODEL);
  trimmer = await connect(dsn, 'test trim');
  await useReplicationOrigin(trimmer, 'test_history_sets');
  await sql.query(
    `INSERT INTO test.message (id, flag, role, subject) VALUES (1, '{seen,a b}', '{r}', 's')`,
  );
});

after(async () => {
  await trimmer?.end();
  await sql?.end();
  await server?.remove();
});

async function history(entity = MESSAGE): Promise<StoredHistory> {
  const { rows } = await sql.query<(string | null)[]>({
    ...{ text: historyOfKey(entity), values: ['1'] },
    ...{ rowMode: 'array' as const, types: TEXT_TYPES },
  });
  const stored: StoredHistory = { changes: [] };
  for (const row of rows) addStored(stored, row);
  return stored;
}

/** The row of the table as a history has it. */
async function table(entity: Entity): Promise<RowVersion | undefined> {
  const groups = entity.groups.length;
  const hidden = hiddenColumns(entity).map(({ name }) => name);
  const names = [...hidden.slice(0, 1 + groups), ...valueColumns(entity).map(({ name }) => name)];
  const { rows } = await sql.query<(string | null)[]>({
    text: `SELECT ${names.map((name) => `${ident(name)}::text`).join(', ')} FROM ${tableOf(entity)} WHERE id = 1`,
    rowMode: 'array',
  });
  const [row] = rows;
  if (row === undefined) return undefined;
  const [birth, ...rest] = row;
  const stamps = rest.slice(0, groups).map((stamp) => BigInt(stamp!));
  return { birth: BigInt(birth!), stamps, values: rest.slice(groups) };
}

const update = (set: string): Promise<unknown> => sql.query(`UPDATE test.message SET ${set}`);

/** The tags of both sets in an image, without the stamps. */
function tagsOf(row: RowVersion | undefined): (string | null)[] {
  const tags = POLICY.groups.flatMap(({ set, columns }) =>
    set === undefined ? [] : [row?.values[columns[1]!] ?? null],
  );
  return tags.map((text) => text?.replace(/\d{10,} /g, '') ?? null);
}

const trim = (stable: bigint): Promise<number> =>
  trimHistory(trimmer, MESSAGE, { stable, names: () => new Map() });

test('a local change is recorded with the tags of its sets, before and after', async () => {
  await update(`flag = flag || '{draft}'`);
  await update(`flag = '{draft,seen}', role = '{}'`);
  await update(`subject = 't'`);
  const { changes } = await history();
  assert.deepEqual(
    changes.map(({ change }) => [tagsOf(change.before), tagsOf(change.after)]),
    [
      [
        [null, null],
        [null, null],
      ],
      [
        [null, null],
        ['{"+a b","+seen","+draft"}', null],
      ],
      [
        ['{"+a b","+seen","+draft"}', null],
        ['{"+seen","+draft"}', '{"-r"}'],
      ],
      [
        ['{"+seen","+draft"}', '{"-r"}'],
        ['{"+seen","+draft"}', '{"-r"}'],
      ],
    ],
  );
  assert.equal(changes[1]!.stamp, changes[1]!.change.after!.stamps[FLAG]);
  assert.notEqual(changes[1]!.stamp, changes[1]!.change.after!.stamps[ROLE]);
});

test('a replay of what is recorded is the row, byte for byte, trimmed or not', async () => {
  const whole = await history();
  const row = await table(MESSAGE);
  assert.deepEqual(replay(POLICY, whole).state.row, row);
  await trim(whole.changes[2]!.stamp);
  const rest = await history();
  assert.deepEqual(rest.base?.row, whole.changes[2]!.change.after);
  assert.equal(rest.changes.length, 1);
  assert.deepEqual(replay(POLICY, rest).state.row, row);
});

test('what another site adds to the set of a deleted row brings the row back with all of its tags', async () => {
  const row = (await table(MESSAGE))!;
  await sql.query('DELETE FROM test.message');
  const { changes } = await history();
  const end = changes.at(-1)!.stamp;
  assert.deepEqual(changes.at(-1)!.change.before, row);
  const stamp = (((end >> 11n) + 1n) << 11n) | 7n;
  await sql.query(
    `INSERT INTO ${historyOf(MESSAGE)} (id, _crp_stamp, _crp_old_birth, _crp_old_stamps, _crp_old_values,
       _crp_birth, _crp_stamps, _crp_values) VALUES (1, $1, $2, $3, $4, $2, $5, $6)`,
    [
      ...[stamp, row.birth, row.stamps, row.values],
      ...[row.stamps.map((one, group) => (group === FLAG ? stamp : one)), withFlag(row, stamp)],
    ],
  );
  await trim(end);
  const trimmed = await history();
  assert.equal(trimmed.base!.row, undefined);
  assert.deepEqual(trimmed.base!.last, row, 'with its tags');
  const back = replay(POLICY, trimmed).state.row!;
  assert.deepEqual(tagsOf(back), ['{"+seen","+draft","+new"}', '{"-r"}']);
  assert.equal(await table(MESSAGE), undefined, 'only apply writes it');
});

test('an entity with history gets a set: what was recorded before is replayed as the set that the row has', async () => {
  const thing = (more: string): Model =>
    modelOf(`list thing { key id; crp:entity "thing" { crp:on-delete-update "update"; }
      leaf id { type int32; } leaf note { type string; } ${more} }`);
  const [old, now] = [
    thing(''),
    thing('leaf-list flag { type string; crp:resolve "crp:add-wins"; }'),
  ];
  const [entity] = now.entities;
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await sql.query(statement);
  };
  await run([...modelDdl(old, 5), `INSERT INTO test.thing (id, note) VALUES (1, 'n')`]);
  await run([`UPDATE test.thing SET note = 'm'`, ...upgradeDdl(old, now, 5)]);
  assert.deepEqual(
    replay(policyOf(entity!), await history(entity)).state.row,
    await table(entity!),
  );
  await run([`UPDATE test.thing SET flag = '{a}'`]);
  const row = (await table(entity!))!;
  assert.deepEqual(replay(policyOf(entity!), await history(entity)).state.row, row);
  assert.match(row.values.join(' '), /m \{a\} \{"\+\d+ a"\}/);
});

/** The values after the flag `new` was added. */
function withFlag(row: RowVersion, stamp: bigint): (string | null)[] {
  const [array, tags] = POLICY.groups[FLAG]!.columns;
  const values = [...row.values];
  values[array!] = '{draft,new,seen}';
  values[tags!] = values[tags!]!.replace('}', `,"+${stamp} new"}`);
  return values;
}
