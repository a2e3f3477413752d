import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { text, tombstoneTuple, tuple, u64 } from '../../test/simulation/wire.ts';
import { modelOf } from '../../test/support/rules-model.ts';
import { SITES, step, World } from '../../test/support/merge-world.ts';
import type { Sent } from '../../test/support/merge-world.ts';
import { installModel } from '../../test/support/install.ts';
import { startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';
import { merge } from '../merge/merge.ts';
import { policyOf, valueColumns } from '../merge/policy.ts';
import type { KeyState, RowVersion } from '../merge/types.ts';
import { hiddenColumns } from '../model/ir/ir.ts';
import { tableOf, tombstoneOf } from '../sql/names/apply-names.ts';
import { connect } from '../postgres/connect.ts';
import { applyFold } from './apply-fold.ts';
import { Fold } from './fold/fold.ts';
import type { EntityPlan, TombstonePlan } from './rows/relation.ts';
import { ApplySession } from './session.ts';
import { SEED } from '../../test/support/seed.ts';

/*
 * The statements of apply against merge: what the set-based ones take must be what merge would have made of
 * it, and what they leave must reach merge.
 */

/** Each key has a history of its own. */
const KEYS = 600;
const MODEL = modelOf(`list host {
    key id;
    crp:entity "host" { crp:column-group "a"; crp:column-group "b"; }
    leaf id { type int64; }
    leaf a { type string; crp:in-group "a"; }
    leaf b { type string; crp:in-group "b"; }
    leaf n { type int64; mandatory true; crp:resolve "crp:additive"; }
    leaf m { type int64; crp:resolve "crp:maximum"; }
  }`);
const HOST = MODEL.entities[0]!;
const POLICY = policyOf(HOST);
const COLUMNS = [
  ...[{ name: 'id', typeName: 'bigint' }, ...valueColumns(HOST).map(columnOf)],
  ...hiddenColumns(HOST).map(({ name }) => ({ name, typeName: 'bigint' })),
];

function columnOf({ name, type }: { name: string; type: string }): Column {
  return { name, typeName: type };
}

interface Column {
  name: string;
  typeName: string;
}

let server: TestServer;
let session: ApplySession;
let host: EntityPlan;
let tombstone: TombstonePlan;

before(async () => {
  server = await startServer(18);
  const dsn = await server.createDatabase('apply');
  const sql = await connect(dsn, 'test');
  await installModel(sql, { name: 'one', number: 9 }, MODEL);
  await sql.end();
  session = await ApplySession.open({
    ...{ dsn, models: [MODEL], originName: 'test_apply', origin: { number: 1, name: 'a' } },
  });
  const key = (columns: readonly Column[]): (Column & { key: boolean })[] =>
    columns.map((column, at) => ({ ...column, key: at === 0 }));
  const bigints = ['id', 'birth', 'stamp'].map((name) => ({ name, typeName: 'bigint' }));
  host = (await session.catalog.plan('h', {
    ...{ schema: HOST.table.schema, name: HOST.table.name, columns: key(COLUMNS) },
  })) as EntityPlan;
  tombstone = (await session.catalog.plan('t', {
    ...{ schema: 'crp', name: HOST.tombstone, columns: key(bigints) },
  })) as TombstonePlan;
});

after(async () => {
  await session?.close();
  await server?.remove();
});

function rowTuple(id: number, row: RowVersion): Buffer {
  const values = row.values.map((value, at) =>
    COLUMNS[1 + at]!.typeName === 'bigint' ? u64(BigInt(value!)) : text(value!),
  );
  return tuple([u64(BigInt(id)), ...values, u64(row.birth), ...row.stamps.map(u64)]);
}

function addTo(fold: Fold, id: number, { change }: Sent): void {
  const { before: old, after: row, deleted } = change;
  if (deleted !== undefined) {
    fold.insert(tombstone, tombstoneTuple(id, deleted), 0);
    fold.remove(host, rowTuple(id, old!), 0);
  } else if (old === undefined) fold.insert(host, rowTuple(id, row!), 0);
  else fold.update(host, Buffer.concat([rowTuple(id, old), rowTuple(id, row!)]), 0);
}

/** A site that gets all changes of the worlds and makes none; what merge makes of them is at its side. */
class Observer {
  readonly states: KeyState[] = Array.from({ length: KEYS }, () => ({}));
  readonly #seen = this.states.map(() => Array<number>(SITES).fill(0));
  readonly #worlds: readonly World[];

  constructor(worlds: readonly World[]) {
    this.#worlds = worlds;
  }

  /** Applies up to so many changes of each key by one origin, and says how many there were. */
  async apply(origin: number, most: (id: number) => number): Promise<number> {
    const fold = new Fold();
    for (const id of this.states.keys()) {
      for (let left = most(id); left > 0 && this.#take(fold, id, origin); left--);
    }
    const { changes } = fold;
    const commit = { origin: origin + 1, announced: Promise.resolve() };
    const pending = { fold, position: 1n, commitTime: 0n, transactions: 1 };
    if (changes > 0) await applyFold(session, pending, commit);
    return changes;
  }

  #take(fold: Fold, id: number, origin: number): boolean {
    const seen = this.#seen[id]!;
    const sent = this.#worlds[id]!.logs[origin]![seen[origin]!];
    const isReady = sent?.known.every((count, other) => other === origin || seen[other]! >= count);
    if (sent === undefined || isReady !== true) return false;
    addTo(fold, id, sent);
    this.states[id] = merge(POLICY, this.states[id]!, sent.change).state;
    seen[origin]! += 1;
    return true;
  }

  /** What is in the database, key by key. */
  async found(): Promise<KeyState[]> {
    const names = COLUMNS.slice(1).map(({ name }) => `h."${name}"::text`);
    const { rows } = await session.client.query<(string | null)[]>({
      text: `SELECT ${names.join(', ')}, t.birth::text, t.stamp::text
        FROM generate_series(0, ${KEYS - 1}) AS g(id)
        LEFT JOIN ${tableOf(HOST)} AS h ON h.id = g.id
        LEFT JOIN ${tombstoneOf(HOST)} AS t ON t.id = g.id ORDER BY g.id`,
      rowMode: 'array',
    });
    return rows.map(stateOf);
  }
}

function stateOf(fields: readonly (string | null)[]): KeyState {
  const width = POLICY.groups.length;
  const values = fields.slice(0, width);
  const [birth, ...stamps] = fields.slice(width, 2 * width + 1);
  const [dead, stamp] = fields.slice(-2);
  const state: KeyState = {};
  if (birth != null)
    state.row = { birth: BigInt(birth), stamps: stamps.map((one) => BigInt(one!)), values };
  if (dead != null) state.tombstone = { birth: BigInt(dead), stamp: BigInt(stamp!) };
  return state;
}

test(`what the statements make of changes in any order and grouping is what merge makes of them (seed ${SEED})`, async () => {
  const world = fc.record({
    steps: fc.array(step, { minLength: 20, maxLength: 60 }),
    skew: fc.array(fc.integer({ min: -50, max: 50 }), { minLength: SITES, maxLength: SITES }),
  });
  const worlds = fc.sample(world, { seed: SEED, numRuns: KEYS }).map(({ steps, skew }) => {
    const made = new World(skew, POLICY);
    for (const [index, next] of steps.entries()) made.run(next, 1000 + index);
    return made;
  });
  const draws = fc.sample(fc.integer({ min: 0, max: 4 }), { seed: SEED, numRuns: 4096 });
  const observer = new Observer(worlds);
  let [drawn, applied] = [0, 0];
  const draw = (): number => draws[drawn++ % draws.length]!;
  for (let idle = 0, origin = 0; idle < 4 * SITES; origin = (origin + 1) % SITES) {
    const changes = await observer.apply(origin, draw);
    applied += changes;
    idle = changes > 0 ? 0 : idle + 1;
    const found = await observer.found();
    for (const [id, state] of observer.states.entries())
      assert.deepEqual(found[id], state, `key ${id}, after changes of site ${origin}`);
  }
  const all = worlds.flatMap(({ logs }) => logs.flat());
  assert.equal(
    applied,
    all.reduce((sum, { change }) => sum + (change.deleted ? 2 : 1), 0),
  );
  assert.ok(observer.states.some(({ row }) => row) && observer.states.some(({ row }) => !row));
});
