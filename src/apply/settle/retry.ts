import { decide } from '../../merge/claims.ts';
import type { Claimant, Clash } from '../../merge/claims.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { withoutParent } from '../../sql/ddl/orphan-sql.ts';
import { recordConflicts } from '../rows/conflict-log.ts';
import { placeRow } from '../slow/exchange.ts';
import { changedPlaces, evict, findClashes, sendOut } from './in-the-way.ts';
import type { FoundClash, Work } from './in-the-way.ts';
import { writeTombstones } from '../history/history-writer.ts';
import { conflictType, isClash } from '../rows/integrity.ts';
import type { Violation } from '../rows/integrity.ts';
import { Orphans } from '../slow/orphans.ts';
import { codecFor, readPhysical } from './settling.ts';
import type { Settling } from './settling.ts';
import { keyText, keyValues, texts, Waiting } from '../slow/waiting.ts';
import type { Image } from '../slow/waiting.ts';
import { takeOut, wholeStateOf } from './whole-state.ts';

/**
 * What became of a row that waits. `left`: it waits, and its older form has left the table, where others may wait for what it
 * had. `derive`: changes have to be derived first (src/apply/settle/derive.ts).
 */
export type Retried =
  | { is: 'settled' | 'waits' | 'left' }
  | { is: 'derive'; self: Clash['unique'][]; others: FoundClash[] };

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
  const parts = { codec, key, waiting: parked, physical: physical.state };
  const { state, conflicts } = await wholeStateOf(remote, target, parts);
  const { columns } = codec.shape;
  const entries = conflicts.map((one) => ({
    ...{ entity, columns, ...one },
    ...{ local: physical.texts, remote: texts(columns, parked.row) },
  }));
  await recordConflicts(remote, entries, options.site);
  if (entity.history !== undefined) {
    const { tombstone: own } = physical.state;
    const change = { key: keyValues(entity, key), own, wanted: state.tombstone };
    await writeTombstones(remote, entity, [change]);
  }
  if (state.row === undefined) {
    await waiting.settle(entity, key, { winner: 'local', reason: 'the row was deleted' });
    return { is: 'settled' };
  }
  return place(settling, { target, codec, key, physical, row: state.row });
}

async function place(settling: Settling, work: Work): Promise<Retried> {
  const { remote } = settling;
  const { codec, physical, row } = work;
  const lost = await lostParent(settling, work);
  if (lost !== undefined) {
    return wait(settling, work, { code: '23503', message: lost }, { out: true, method: 'park' });
  }
  const present = physical.state.row !== undefined;
  const wanted = { row: codec.texts(row, texts(codec.shape.columns, work.key)), present };
  const outcome = await placeRow(remote, codec, wanted);
  if (outcome === undefined) return settled(settling, work);
  if (outcome === 'raced') return { is: 'waits' };
  if (!isClash(outcome)) return wait(settling, work, outcome, { out: false, method: 'park' });
  const clashes = await findClashes(settling, work);
  if (await changedPlaces(settling, work, clashes)) return settled(settling, work);
  // What was in the way has gone meanwhile, or is of a kind that no rule knows.
  if (clashes.length === 0)
    return placed(settling, work, { again: await placeRow(remote, codec, wanted), outcome });
  return makeRoom(settling, work, { clashes, outcome });
}

/** Does what the rules say of a row and those that are in its way, of which there is one at least. */
async function makeRoom(
  settling: Settling,
  work: Work,
  { clashes, outcome }: { clashes: FoundClash[]; outcome: Violation },
): Promise<Retried> {
  const decision = decide(work.target.rules, claimant(work), clashes);
  switch (decision.do) {
    case 'wait': {
      const { unique, texts: shown } = decision.by;
      return wait(settling, work, outcome, { out: decision.out, method: unique.method, shown });
    }
    case 'evict': {
      const again = await evict(settling, work, { losers: decision.losers, outcome });
      return placed(settling, work, { again, outcome });
    }
    case 'derive': {
      const { losers, self, others } = decision;
      await sendOut(settling, work, { losers, outcome });
      const { unique, texts: shown } = clashes[0]!;
      await wait(settling, work, outcome, { out: false, method: unique.method, shown });
      return { is: 'derive', self, others };
    }
  }
}

/** After a second try: it is in the table, or waits because of what forbade it last. */
async function placed(
  settling: Settling,
  work: Work,
  { again, outcome }: { again: Violation | 'raced' | undefined; outcome: Violation },
): Promise<Retried> {
  if (again === undefined) return settled(settling, work);
  const violation = again === 'raced' ? outcome : again;
  return wait(settling, work, violation, { out: false, method: 'park' });
}

function claimant({ key, row, target }: Work): Claimant {
  return { key: keyText(target.entity, key), row };
}

async function settled(settling: Settling, work: Work): Promise<Retried> {
  const { remote, options } = settling;
  const { entity } = work.target;
  const how = { winner: 'remote', reason: 'what kept the row out is gone' };
  await new Waiting(remote).settle(entity, work.key, how);
  const key = keyValues(entity, work.key);
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
  const leaves = how.out && physical.texts !== undefined;
  if (leaves) await takeOut(settling, remote, { target, codec, row: physical.texts! });
  const parking = {
    ...{ entity: target.entity, columns, row: codec.texts(row, keyTexts) },
    base: how.out ? undefined : physical.texts,
    ...{ shown: how.shown, method: how.method, reason: violation.message },
    type: violation.code === '23503' ? 'orphan' : conflictType(violation),
  };
  await new Waiting(remote).park(parking, options.site);
  return { is: leaves ? 'left' : 'waits' };
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
      ({ name, type }, at) => `$${at + 1}::text::${type} AS ${ident(name)}`,
    );
    const { rowCount } = await remote.query(
      `SELECT FROM (SELECT ${values.join(', ')}) AS c WHERE ${withoutParent(bond, 'c')}`,
      codec.texts(row, texts(columns, key)),
    );
    if (rowCount !== 0) return `its "${bond.parent.name}" was deleted`;
  }
  return undefined;
}
