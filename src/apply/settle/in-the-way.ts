import type { Clash } from '../../merge/claims.ts';
import type { RowVersion } from '../../merge/types.ts';
import { exchange, placeRow } from '../slow/exchange.ts';
import { lockIncumbents } from './incumbents.ts';
import type { Violation } from '../rows/integrity.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import type { Physical, Settling, Target } from './settling.ts';
import { keyImage, keyText, texts, Waiting } from '../slow/waiting.ts';
import type { Image, WaitingRow } from '../slow/waiting.ts';
import { takeOut, wholeStateOf } from './whole-state.ts';

/*
 * Rows of the table that are in the way of one that waits: finding them, changing places with those that wait
 * themselves, and taking out those that have to give way. All in the caller's transaction.
 */

/** A row that is in the way, as it is in the table. */
export interface FoundClash extends Clash {
  key: Image;
  texts: (string | null)[];
}

/** A key that waits: what it is whole, and what is in the table. */
export interface Work {
  target: Target;
  codec: RowCodec;
  key: Image;
  physical: Physical;
  row: RowVersion;
}

/** All rows that have a unique value of this one, by every unique index. */
export async function findClashes(settling: Settling, work: Work): Promise<FoundClash[]> {
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
export async function changedPlaces(
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
    const next = await wholeRow(settling, work, { waiting: one, key: keys[at]!, current });
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

/** Of a row in the way that waits itself: what it is whole. */
async function wholeRow(
  { remote }: Settling,
  { target, codec }: Work,
  { waiting, key, current }: { waiting: WaitingRow; key: Image; current: (string | null)[] },
): Promise<RowVersion | undefined> {
  const physical = { row: codec.version(current) };
  return (await wholeStateOf(remote, target, { codec, key, waiting, physical })).state.row;
}

/**
 * Rows that have to give way leave the table and wait; then the row comes in. All or nothing.
 *
 * @returns what forbids the row all the same, as `placeRow` does
 */
export async function evict(
  settling: Settling,
  work: Work,
  leaving: { losers: readonly FoundClash[]; outcome: Violation },
): Promise<Violation | 'raced' | undefined> {
  const { remote } = settling;
  const { codec, physical, row } = work;
  const own = codec.texts(row, texts(codec.shape.columns, work.key));
  await remote.query('SAVEPOINT crp_evict');
  await sendOut(settling, work, leaving);
  const present = physical.texts !== undefined;
  const again = await placeRow(remote, codec, { row: own, present });
  const end = again === undefined ? '' : 'ROLLBACK TO SAVEPOINT crp_evict; ';
  await remote.query(`${end}RELEASE SAVEPOINT crp_evict`);
  return again;
}

/** Rows that have to give way leave the table and wait. */
export async function sendOut(
  settling: Settling,
  work: Work,
  { losers, outcome }: { losers: readonly FoundClash[]; outcome: Violation },
): Promise<void> {
  const { remote, options } = settling;
  const { target, codec, row } = work;
  const { entity } = target;
  const { columns } = codec.shape;
  const own = codec.texts(row, texts(columns, work.key));
  const waiting = new Waiting(remote);
  const once = [...new Map(losers.map((loser) => [loser.incumbent.key, loser])).values()];
  const parked = await waiting.read(
    entity,
    once.map(({ key }) => key),
  );
  for (const [at, { texts: current, unique, key }] of once.entries()) {
    const one = parked.get(at);
    const whole =
      one === undefined
        ? codec.version(current)
        : await wholeRow(settling, work, { waiting: one, key, current });
    await takeOut(settling, remote, { target, codec, row: current });
    if (whole === undefined) continue;
    const parking = {
      ...{ entity, columns, row: codec.texts(whole, current), base: undefined, shown: own },
      ...{ type: 'uniqueness', method: unique.method, reason: outcome.message },
    };
    await waiting.park(parking, options.site);
  }
}
