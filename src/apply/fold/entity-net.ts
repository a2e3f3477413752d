import { SITE_BITS } from '../../merge/stamps.ts';
import { NetRows } from '../rows/net-rows.ts';
import type { KeyProbe } from '../rows/key-probe.ts';
import type { TupleRef } from '../rows/net-rows.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { isSameRow } from '../rows/tuple.ts';
import type { Fields } from '../rows/tuple.ts';

const SITE_MASK = Number(SITE_BITS);

/**
 * Net changes of one entity in one shape, in order of each key's first change. Of an entity that keeps
 * history, whose changes must not be netted, every change, by its place.
 */
export class EntityNet {
  readonly plan: EntityPlan;
  readonly rows: NetRows;
  /** Changes that must be applied after these: other sites' changes came between. */
  later: EntityNet | undefined;
  /** The rows as they are staged, if they were encoded ahead; no row may be added then. */
  copy: readonly Buffer[] | undefined;

  constructor(plan: EntityPlan) {
    this.plan = plan;
    this.rows = new NetRows(plan.key);
  }
}

/** The last of a net and those after it that has the key, or the net itself if none has. */
export function holderOf(net: EntityNet, probe: KeyProbe): EntityNet {
  let holder = net;
  for (let at = net.later; at !== undefined; at = at.later) {
    if (at.rows.find(probe) >= 0) holder = at;
  }
  return holder;
}

/** Whether the tuple is of a row that its insert made: all stamps are that of its birth, and of a site. */
export function isBorn(plan: EntityPlan, bytes: Buffer, fields: Fields): boolean {
  const birth = fields[2 * plan.birth]!;
  const high = bytes.readInt32BE(birth);
  const low = bytes.readInt32BE(birth + 4);
  if ((low & SITE_MASK) === 0) return false;
  for (const field of plan.stamps) {
    const stamp = fields[2 * field]!;
    if (bytes.readInt32BE(stamp) !== high || bytes.readInt32BE(stamp + 4) !== low) return false;
  }
  return true;
}

/** Whether the row is there, and is what the next change found, which can be folded with it. */
export function isLeftIn(net: EntityNet, row: number, found: TupleRef): boolean {
  if (row < 0 || net.rows.isClosed(row)) return false;
  const after = net.rows.after(row);
  return after !== undefined && isSameRow(after, net.rows.before(row), found);
}
