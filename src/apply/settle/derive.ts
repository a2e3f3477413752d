import type { Client } from 'pg';
import { claimOf } from '../../merge/claims.ts';
import type { UniqueRule } from '../../merge/claims.ts';
import type { RowVersion, Stamp } from '../../merge/types.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { recordConflicts } from '../rows/conflict-log.ts';
import { deleteRow, placeRow } from '../slow/exchange.ts';
import type { FoundClash } from './in-the-way.ts';
import { placeForm, placeOf, rulesThatWin } from './next-form.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import { codecFor, readPhysical } from './settling.ts';
import type { Physical, Settling, Target } from './settling.ts';
import { logicalState, Waiting } from '../slow/waiting.ts';
import type { Image } from '../slow/waiting.ts';

/*
 * Changes that follow from a clash. They are captured and replicate like writes of the service, and they are
 * the same wherever they are made: value and stamp follow from the row that has to give way, and from nothing
 * else. So it does not matter which sites make them, how often, or when.
 */

/** The row that waits has to give way, by these constraints. Where it cannot be done now it is tried again. */
export async function deriveSelf(
  settling: Settling,
  parts: { entity: Entity; key: Image; uniques: readonly UniqueRule[] },
): Promise<void> {
  const { entity, key, uniques } = parts;
  const target = await settling.target(entity);
  const giving = { target, key, uniques };
  const rest = (): Promise<boolean> => placeRest(settling, giving);
  if (!(await settling.transaction(settling.remote, rest))) return;
  await settling.transaction(settling.local, () => appendSelf(settling, giving));
}

/** A row in the table has to give way to the one that waits. */
export async function deriveOther(
  settling: Settling,
  entity: Entity,
  clash: FoundClash,
): Promise<void> {
  const target = await settling.target(entity);
  await settling.transaction(settling.local, async () => {
    const { local, options } = settling;
    const codec = codecFor(target);
    const physical = await readPhysical(local, codec, clash.key);
    const { row } = physical.state;
    // Decided about the row as it was then; one that was written since is looked at again.
    if (row === undefined || !sameStamps(row, clash.incumbent.row)) return;
    const { unique } = clash;
    const form = { target, codec, key: clash.key, row, present: true, uniques: [unique] };
    if ((await placeForm(settling, form)) === undefined) {
      await settling.startOver(local);
      return;
    }
    const { columns } = codec.shape;
    const entry = { entity, columns, local: physical.texts, remote: undefined };
    const conflict = { ...resolved(unique, row), winner: 'remote' };
    await recordConflicts(local, [{ ...entry, conflict, status: 'resolved' }], options.site);
  });
}

function resolved(
  unique: UniqueRule,
  row: RowVersion,
): { type: string; method: string; localStamp: Stamp; remoteStamp: Stamp; reason: string } {
  const columns = unique.columns.join(', ');
  return {
    ...{ type: 'uniqueness', method: unique.method, remoteStamp: 0n },
    localStamp: claimOf(row, unique.groups),
    reason: `another row claimed the same ${columns} earlier`,
  };
}

function sameStamps(one: RowVersion, other: RowVersion): boolean {
  return (
    one.birth === other.birth && one.stamps.every((stamp, group) => stamp === other.stamps[group])
  );
}

/** Equal stamps alone do not mean equal sums. */
function isSame(one: RowVersion, other: RowVersion): boolean {
  return sameStamps(one, other) && one.values.every((value, at) => value === other.values[at]);
}

/** A key whose row gives way, by these constraints. */
interface Giving {
  target: Target;
  key: Image;
  uniques: readonly UniqueRule[];
}

interface Whole {
  codec: RowCodec;
  physical: Physical;
  /** The row as it would be, were nothing in its way. */
  row: RowVersion;
}

/** A key that waits, locked; undefined if it does not any more. */
async function whole(client: Client, target: Target, key: Image): Promise<Whole | undefined> {
  const { entity, policy } = target;
  await readPhysical(client, codecFor(target), key);
  const parked = (await new Waiting(client).read(entity, [key])).get(0);
  if (parked === undefined) return undefined;
  const codec = codecFor(target, parked.row);
  const physical = await readPhysical(client, codec, key);
  const { state } = logicalState(codec, policy, { waiting: parked, physical: physical.state });
  return state.row && { codec, physical, row: state.row };
}

/**
 * Where an older form of the row is in the table, all that is new in it but the groups that give way is
 * written, uncaptured: it is other sites' work, and must not be shipped again as this site's.
 *
 * @returns false if a constraint forbids that too
 */
async function placeRest(settling: Settling, { target, key, uniques }: Giving): Promise<boolean> {
  const { remote, options } = settling;
  const found = await whole(remote, target, key);
  if (found === undefined) return false;
  const { codec, physical, row } = found;
  const old = physical.state.row;
  if (old === undefined) return true;
  const { columns } = codec.shape;
  const own = physical.texts!;
  const unique = uniques[0]!;
  const parking = {
    ...{ entity: target.entity, columns, row: codec.texts(row, own), shown: own },
    ...{ type: 'uniqueness', method: unique.method, reason: resolved(unique, row).reason },
  };
  if (old.birth !== row.birth) {
    // An older incarnation: the change must be an insert, which is what starts a new one.
    await deleteRow(remote, codec, own);
    await new Waiting(remote).park({ ...parking, base: undefined }, options.site);
    return true;
  }
  const rest = withGroups(target, row, { from: old, uniques });
  if (isSame(rest, old)) return true;
  const base = codec.texts(rest, own);
  if ((await placeRow(remote, codec, { row: base, present: true })) !== undefined) return false;
  await new Waiting(remote).park({ ...parking, base }, options.site);
  return true;
}

/** The row with the groups that give way as another version of it has them. */
function withGroups(
  { policy }: Target,
  row: RowVersion,
  { from, uniques }: { from: RowVersion; uniques: readonly UniqueRule[] },
): RowVersion {
  const result = { birth: row.birth, stamps: [...row.stamps], values: [...row.values] };
  for (const { append } of uniques) {
    const { group } = append!;
    result.stamps[group] = from.stamps[group]!;
    for (const place of policy.groups[group]!.columns) result.values[place] = from.values[place]!;
  }
  return result;
}

async function appendSelf(
  settling: Settling,
  { target, key, uniques: decided }: Giving,
): Promise<void> {
  const { local } = settling;
  const found = await whole(local, target, key);
  if (found === undefined) return;
  const { codec, physical, row } = found;
  const old = physical.state.row;
  const form = { target, codec, key, row, present: old !== undefined, uniques: decided };
  // Another site's form of it may have come meanwhile: one more would be one too many.
  const uniques = await rulesThatWin(settling, form);
  if (uniques.length === 0) return;
  // Only the groups that give way may be in the change; anything else was placed before.
  if (old !== undefined && !isSame(withGroups(target, row, { from: old, uniques }), old)) return;
  const next = await placeForm(settling, { ...form, uniques });
  if (next === undefined) {
    await settling.startOver(local);
    return;
  }
  const became = uniques.map((unique) => next.values[placeOf(target, unique)]).join(', ');
  const reason = `${resolved(uniques[0]!, row).reason}; it became ${became}`;
  await new Waiting(local).settle(target.entity, key, { winner: 'merged', reason });
}
