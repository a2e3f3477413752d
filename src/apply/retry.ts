import { decide } from '../merge/claims.ts';
import type { Claimant, Clash } from '../merge/claims.ts';
import type { RowVersion } from '../merge/types.ts';
import type { Entity } from '../model/ir.ts';
import { withoutParent } from '../sql/orphan-sql.ts';
import { recordConflicts } from './conflict-log.ts';
import { deleteRow, exchange, placeRow } from './exchange.ts';
import { lockIncumbents } from './incumbents.ts';
import { conflictType, isClash } from './integrity.ts';
import type { Violation } from './integrity.ts';
import { Orphans } from './orphans.ts';
import type { RowCodec } from './row-codec.ts';
import { codecFor, readPhysical } from './settling.ts';
import type { Physical, Settling, Target } from './settling.ts';
import { keyImage, keyText, logicalState, texts, Waiting } from './waiting.ts';
import type { Image, WaitingRow } from './waiting.ts';

/** What became of a row that waits. `derive`: changes have to be derived first (src/apply/derive.ts). */
export type Retried =
  { is: 'settled' | 'waits' } | { is: 'derive'; self: Clash['unique'][]; others: FoundClash[] };

/** A row that is in the way, as it is in the table. */
export interface FoundClash extends Clash {
  key: Image;
  texts: (string | null)[];
}

/** A key that waits: what it is whole, and what is in the table. */
interface Work {
  target: Target;
  codec: RowCodec;
  key: Image;
  physical: Physical;
  row: RowVersion;
}

/**
 * Tries a row that waits once more, in one transaction that is not captured: what it writes are other sites'
 * changes. Decides by src/merge/claims.ts where other rows are in the way.
 *
 * @throws the database's error; nothing is changed then
 */
export function retry(settling: Settling, entity: Entity, key: Image): Promise<Retried> {
  return settling.transaction(settling.remote, () => attempt(settling, entity, key));
}

async function attempt(settling: Settling, entity: Entity, key: Image): Promise<Retried> {
  const { remote, options } = settling;
  const target = await settling.target(entity);
  const waiting = new Waiting(remote);
  // The table first, then what waits: the order in which apply locks them.
  const whole = codecFor(target);
  await readPhysical(remote, whole, key);
  const parked = (await waiting.read(entity, [key])).get(0);
  if (parked === undefined) return { is: 'settled' };
  const codec = codecFor(target, parked.row);
  const physical = await readPhysical(remote, codec, key);
  const { state, conflicts } = logicalState(codec, target.policy, {
    ...{ waiting: parked, physical: physical.state },
  });
  const { columns } = codec.shape;
  const entries = conflicts.map((conflict) => ({
    ...{ entity, columns, conflict, status: 'resolved' as const },
    ...{ local: physical.texts, remote: texts(columns, parked.row) },
  }));
  await recordConflicts(remote, entries, options.site);
  if (state.row === undefined) {
    await waiting.settle(entity, key, { winner: 'local', reason: 'the row was deleted' });
    return { is: 'settled' };
  }
  return place(settling, { target, codec, key, physical, row: state.row });
}

async function place(settling: Settling, work: Work): Promise<Retried> {
  const { remote } = settling;
  const { target, codec, physical, row } = work;
  const lost = await lostParent(settling, work);
  if (lost !== undefined) {
    return wait(settling, work, { code: '23503', message: lost }, { out: true, method: 'park' });
  }
  const present = physical.state.row !== undefined;
  const outcome = await placeRow(remote, codec, {
    row: codec.texts(row, texts(codec.shape.columns, work.key)),
    present,
  });
  if (outcome === undefined) return settled(settling, work);
  if (outcome === 'raced') return { is: 'waits' };
  if (!isClash(outcome)) return wait(settling, work, outcome, { out: false, method: 'park' });
  const clashes = await findClashes(settling, work);
  if (await changedPlaces(settling, work, clashes)) return settled(settling, work);
  if (clashes.length === 0) return wait(settling, work, outcome, { out: false, method: 'park' });
  const decision = decide(target.rules, claimant(work), clashes);
  const method = clashes[0]!.unique.method;
  switch (decision.do) {
    case 'wait':
      return wait(settling, work, outcome, { out: decision.out, method, shown: clashes[0]!.texts });
    case 'evict':
      return evict(settling, work, { clashes, outcome });
    case 'derive': {
      await wait(settling, work, outcome, { out: false, method, shown: clashes[0]!.texts });
      const others = clashes.filter((clash) => decision.others.includes(clash));
      return { is: 'derive', self: decision.self, others };
    }
  }
}

function claimant({ key, row, target }: Work): Claimant {
  return { key: keyText(target.entity, key), row };
}

async function settled(settling: Settling, work: Work): Promise<Retried> {
  const { remote, options } = settling;
  const { entity } = work.target;
  const how = { winner: 'remote', reason: 'what kept the row out is gone' };
  await new Waiting(remote).settle(entity, work.key, how);
  const key = entity.key.map((name) => work.key[name] ?? null);
  await new Orphans(remote, options.models).noteKey(entity, key, 'written');
  return { is: 'settled' };
}

/** The row stays where it is; with `out` also its older form leaves the table. */
async function wait(
  settling: Settling,
  { target, codec, key, physical, row }: Work,
  violation: Violation,
  how: { out: boolean; method: string; shown?: (string | null)[] },
): Promise<Retried> {
  const { remote, options } = settling;
  const { columns } = codec.shape;
  const keyTexts = texts(columns, key);
  if (how.out && physical.texts !== undefined) await deleteRow(remote, codec, keyTexts);
  const parking = {
    ...{ entity: target.entity, columns, row: codec.texts(row, keyTexts) },
    base: how.out ? undefined : physical.texts,
    ...{ shown: how.shown, method: how.method, reason: violation.message },
    type: violation.code === '23503' ? 'orphan' : conflictType(violation),
  };
  await new Waiting(remote).park(parking, options.site);
  return { is: 'waits' };
}

/** A reference whose rule is to wait for its target, and that has none; what to say of it. */
async function lostParent(
  settling: Settling,
  { target, codec, key, row }: Work,
): Promise<string | undefined> {
  const { remote, options } = settling;
  const { columns } = codec.shape;
  for (const bond of new Orphans(remote, options.models).bondsOf(target.entity)) {
    if (bond.reference.onOrphan !== 'park') continue;
    const values = columns.map(
      ({ name, type }, at) => `$${at + 1}::text::${type} AS "${name.replaceAll('"', '""')}"`,
    );
    const { rowCount } = await remote.query(
      `SELECT FROM (SELECT ${values.join(', ')}) AS c WHERE ${withoutParent(bond, 'c')}`,
      codec.texts(row, texts(columns, key)),
    );
    if (rowCount !== 0) return `its "${bond.parent.name}" was deleted`;
  }
  return undefined;
}

/** All rows that have a unique value of this one, by every unique index. */
async function findClashes(settling: Settling, work: Work): Promise<FoundClash[]> {
  const { remote } = settling;
  const { target, codec, row } = work;
  const { entity } = target;
  const { columns } = codec.shape;
  const found: FoundClash[] = [];
  const wanted = codec.texts(row, texts(columns, work.key));
  for (const { index, unique } of target.indexes) {
    for (const values of await lockIncumbents(remote, wanted, { shape: codec.shape, index })) {
      const key = keyImage(entity, columns, values);
      const incumbent = { key: keyText(entity, key), row: codec.version(values) };
      found.push({ unique, incumbent, key, texts: values });
    }
  }
  return found;
}

/**
 * Rows in the way that wait themselves want to be something else: two rows that exchange their values, each
 * kept out by the other. They change places.
 */
async function changedPlaces(
  settling: Settling,
  work: Work,
  clashes: readonly FoundClash[],
): Promise<boolean> {
  const { remote } = settling;
  const { target, codec, physical, row } = work;
  const { entity } = target;
  const { columns } = codec.shape;
  const waiting = new Waiting(remote);
  const keys = clashes.map(({ key }) => key);
  const parked = await waiting.read(entity, keys);
  if (parked.size === 0) return false;
  const own = texts(columns, work.key);
  const rows = [
    {
      ...{ key: own, present: physical.texts !== undefined, tombstone: undefined },
      next: codec.texts(row, own) as (string | null)[] | undefined,
    },
  ];
  for (const [at, one] of parked) {
    const { texts: current } = clashes[at]!;
    const next = logicalRow(work, one, current);
    rows.push({
      ...{ key: current, present: true, tombstone: undefined },
      next: next && codec.texts(next, current),
    });
  }
  if ((await exchange(remote, codec, rows)) !== undefined) return false;
  for (const at of parked.keys()) {
    await waiting.settle(entity, keys[at]!, { winner: 'remote', reason: 'rows changed places' });
  }
  return true;
}

function logicalRow(
  { target, codec }: Work,
  waiting: WaitingRow,
  current: (string | null)[],
): RowVersion | undefined {
  const physical = { row: codec.version(current) };
  return logicalState(codec, target.policy, { waiting, physical }).state.row;
}

/** Rows that have to give way leave the table and wait; then the row comes in. All or nothing. */
async function evict(
  settling: Settling,
  work: Work,
  { clashes, outcome }: { clashes: readonly FoundClash[]; outcome: Violation },
): Promise<Retried> {
  const { remote, options } = settling;
  const { target, codec, physical, row } = work;
  const { entity } = target;
  const { columns } = codec.shape;
  const own = codec.texts(row, texts(columns, work.key));
  await remote.query('SAVEPOINT crp_evict');
  const waiting = new Waiting(remote);
  const losers = new Map(clashes.map((clash) => [clash.incumbent.key, clash]));
  const parked = await waiting.read(
    entity,
    [...losers.values()].map(({ key }) => key),
  );
  for (const [at, { texts: current, unique }] of [...losers.values()].entries()) {
    const one = parked.get(at);
    const whole = one === undefined ? codec.version(current) : logicalRow(work, one, current);
    await deleteRow(remote, codec, current);
    if (whole === undefined) continue;
    const parking = {
      ...{ entity, columns, row: codec.texts(whole, current), base: undefined, shown: own },
      ...{ type: 'uniqueness', method: unique.method, reason: outcome.message },
    };
    await waiting.park(parking, options.site);
  }
  const present = physical.texts !== undefined;
  const again = await placeRow(remote, codec, { row: own, present });
  if (again === undefined) {
    await remote.query('RELEASE SAVEPOINT crp_evict');
    return settled(settling, work);
  }
  await remote.query('ROLLBACK TO SAVEPOINT crp_evict; RELEASE SAVEPOINT crp_evict');
  const violation = again === 'raced' ? outcome : again;
  return wait(settling, work, violation, { out: false, method: 'park' });
}
