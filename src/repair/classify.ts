import type { MergePolicy } from '../merge/types.ts';
import { commonTombstone, mergeStates } from './merge-states.ts';
import type { MergedState } from './merge-states.ts';
import type { SiteState } from './state.ts';
import { sameRow } from './state.ts';

/**
 * - `missing`: a site lacks a row that nobody deleted
 * - `resurrected`: a site has a row that was deleted
 * - `different`: stamps differ: a site lost a change, or a whole incarnation
 * - `altered`: same stamps, other values: changed behind our back
 */
export type DriftKind = 'missing' | 'resurrected' | 'different' | 'altered';

/** What has to be done at one site. */
export interface Mending {
  site: number;
  do: 'insert' | 'delete' | 'update';
  /** Groups that change, by name, each with the site whose value it takes and why; of an update only. */
  groups: { name: string; from: number; why: string }[];
}

/** How one key differs between the sites, and what makes them equal. */
export interface Drift {
  kind: DriftKind;
  /** Sites whose row has to change; all others have what stands. */
  mendings: Mending[];
}

/**
 * Says how a key differs. Pure, and the same whatever order the sites are in.
 *
 * @returns undefined when all sites have the same row
 */
export function classify(policy: MergePolicy, states: readonly SiteState[]): Drift | undefined {
  if (states.every((state) => sameRow(state, states[0]!))) return undefined;
  const merged = mergeStates(policy, states);
  const mendings = states
    .flatMap((state) => mending(policy, state, merged) ?? [])
    .toSorted((one, other) => one.site - other.site);
  return { kind: kindOf(states, merged), mendings };
}

function kindOf(states: readonly SiteState[], merged: MergedState): DriftKind {
  const dead = commonTombstone(states)?.birth;
  const rows = states.flatMap(({ row }) => row ?? []);
  if (dead !== undefined && rows.some((row) => row.birth <= dead)) return 'resurrected';
  if (merged.row !== undefined && rows.length < states.length) return 'missing';
  const stamps = rows.map((row) => [row.birth, ...row.stamps].join(' '));
  return stamps.every((text) => text === stamps[0]) ? 'altered' : 'different';
}

function mending(policy: MergePolicy, state: SiteState, merged: MergedState): Mending | undefined {
  const { site, row } = state;
  const wanted: SiteState = { site, ...(merged.row === undefined ? {} : { row: merged.row }) };
  if (sameRow(state, wanted)) return undefined;
  if (merged.row === undefined) return { site, do: 'delete', groups: [] };
  if (row === undefined) return { site, do: 'insert', groups: [] };
  const groups = policy.groups.flatMap((group, index) => {
    const { stamps, hashes } = merged.row!;
    if (row.stamps[index] === stamps[index] && row.hashes[index] === hashes[index]) return [];
    const { site: from, decision } = merged.groups[index]!;
    return [{ name: group.name, from, why: decision }];
  });
  return { site, do: 'update', groups };
}
