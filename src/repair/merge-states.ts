import { latestTombstone, merge } from '../merge/merge.ts';
import { siteOfStamp } from '../merge/stamps.ts';
import type { KeyState, MergePolicy, Tombstone } from '../merge/types.ts';
import type { ComparedRow, SiteState } from './state.ts';

/** How it was decided which site has a group's value; `incarnation`: it has the later insert of the key. */
export type Decision = 'equal' | 'incarnation' | 'stamp' | 'majority' | 'author' | 'md5';

/** What all sites must have in the end. */
export interface MergedState {
  row?: ComparedRow;
  tombstone?: Tombstone;
  /** By group, of the row that stands: the site whose value it is, and why. Empty without a row. */
  groups: { site: number; decision: Decision }[];
}

/**
 * The state that follows from those of several sites which have applied each other's changes to the key.
 * Pure; commutative, and of equal states the same state.
 *
 * Incarnations and tombstones are merged by `merge`. Of the latest incarnation each group's value is that
 * with the greatest stamp, whatever the group's method: nothing is concurrent any more, so a site that has
 * another value has lost a change. With equal stamps and different values somebody wrote behind our back;
 * then stands, in this order, what most sites have, what the site has that made the stamp, and the value
 * with the greatest MD5.
 *
 * So it is too where an entity keeps history, although its methods would rather keep an earlier value or
 * insert: sites that have applied the same changes have replayed the same set, and a difference is not a
 * conflict that a method decides but drift.
 */
export function mergeStates(policy: MergePolicy, states: readonly SiteState[]): MergedState {
  const sites = states.toSorted((one, other) => one.site - other.site);
  const latest = latestRows(sites);
  const groups = policy.groups.map((_, index) => choose(latest, index));
  if (sites.some((state) => state.row !== undefined && !latest.includes(state as WithRow))) {
    for (const group of groups) if (group.decision === 'equal') group.decision = 'incarnation';
  }
  const row = latest.length === 0 ? undefined : compose(policy, latest, groups);
  const { row: living, tombstone } = fold(sites, row);
  return {
    ...(row === undefined || living === undefined ? { groups: [] } : { row, groups }),
    ...(tombstone === undefined ? {} : { tombstone }),
  };
}

type WithRow = SiteState & { row: ComparedRow };

/** The sites that have the latest incarnation. */
function latestRows(sites: readonly SiteState[]): WithRow[] {
  const rows = sites.filter((state): state is WithRow => state.row !== undefined);
  const birth = greatest(rows.map(({ row }) => row.birth));
  return rows.filter(({ row }) => row.birth === birth);
}

function choose(sites: readonly WithRow[], group: number): MergedState['groups'][number] {
  const stamp = greatest(sites.map(({ row }) => row.stamps[group]!));
  const newest = sites.filter(({ row }) => row.stamps[group] === stamp);
  const hashOf = (state: WithRow): string => state.row.hashes[group]!;
  const hashes = [...new Set(newest.map(hashOf))];
  const by = (found: WithRow | undefined, decision: Decision) =>
    found === undefined ? undefined : { site: found.site, decision };
  if (hashes.length <= 1) {
    const decision = newest.length < sites.length ? 'stamp' : 'equal';
    return by(newest[0], decision) ?? { site: 0, decision };
  }
  const votes = (hash: string): number => newest.filter((state) => hashOf(state) === hash).length;
  const md5 = hashes.reduce((one, other) => (other > one ? other : one));
  return (
    by(
      newest.find((state) => votes(hashOf(state)) * 2 > newest.length),
      'majority',
    ) ??
    by(
      newest.find(({ site }) => site === siteOfStamp(stamp)),
      'author',
    ) ??
    by(
      newest.find((state) => hashOf(state) === md5)!,
      'md5',
    )!
  );
}

/** One row of the values that were chosen. */
function compose(
  policy: MergePolicy,
  sites: readonly WithRow[],
  groups: MergedState['groups'],
): ComparedRow {
  const [first] = sites;
  const row: ComparedRow = { ...first!.row, stamps: [], hashes: [], values: [] };
  row.values = [...first!.row.values];
  row.bytes = Math.max(...sites.map((state) => state.row.bytes));
  for (const [index, group] of policy.groups.entries()) {
    const from = sites.find(({ site }) => site === groups[index]!.site)!.row;
    row.stamps.push(from.stamps[index]!);
    row.hashes.push(from.hashes[index]!);
    if (from.values.length === 0) continue;
    for (const column of group.columns) row.values[column] = from.values[column]!;
  }
  return row;
}

/** The groups of the latest incarnation are the same in all states that have it. */
const INCARNATIONS: MergePolicy = { groups: [] };

/** Which incarnation lives: every site's state is merged as a change that brings it whole. */
function fold(sites: readonly SiteState[], latest: ComparedRow | undefined): KeyState {
  let state: KeyState = {};
  for (const { row, tombstone } of sites) {
    const after = row !== undefined && row.birth === latest?.birth ? latest : row;
    const change = {
      ...(after === undefined ? {} : { after }),
      ...(tombstone === undefined ? {} : { deleted: tombstone }),
    };
    state = merge(INCARNATIONS, state, change).state;
  }
  return state;
}

/** The tombstone that all sites together have. */
export function commonTombstone(states: readonly SiteState[]): Tombstone | undefined {
  return states.reduce<Tombstone | undefined>(
    (one, { tombstone }) => latestTombstone(one, tombstone),
    undefined,
  );
}

function greatest(stamps: readonly bigint[]): bigint {
  return stamps.reduce((one, other) => (other > one ? other : one), -1n);
}
