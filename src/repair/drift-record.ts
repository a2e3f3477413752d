import type { ConflictEntry } from '../apply/conflict-log.ts';
import type { RowCodec } from '../apply/row-codec.ts';
import type { MergedState } from './merge-states.ts';
import { keyTexts } from './mend-writer.ts';
import type { ComparedRow, Key, SiteState } from './state.ts';

interface Mended {
  key: Key;
  /** The site's own state, and those of the others. */
  state: SiteState;
  others: readonly SiteState[];
  merged: MergedState;
  siteName: (number: number) => string;
}

/** The row of `crp.conflict` that says what was mended: both images, from whom it was taken, and why. */
export function driftEntry(
  codec: RowCodec,
  mended: Mended,
): { entry: ConflictEntry; origin: { number: number; name: string } } {
  const { state, others, merged, siteName } = mended;
  const { entity, columns } = codec.shape;
  const source = sourceOf(others, merged);
  const changed = changedGroups(state, merged);
  const texts = keyTexts(codec, mended.key);
  const image = (row: ComparedRow | undefined) =>
    row === undefined ? undefined : codec.texts(row, texts);
  const fromOthers = changed.every((index) => merged.groups[index]!.site !== state.site);
  const names = changed.map((index) => entity.groups[index]!.name);
  const entry: ConflictEntry = {
    ...{ entity, columns, status: 'resolved' },
    ...{ local: image(state.row), remote: image(merged.row) },
    conflict: {
      ...(state.row === undefined || merged.row === undefined ? {} : { group: names.join(' ') }),
      ...{ type: 'drift', method: method(merged, changed) },
      winner: fromOthers ? 'remote' : 'merged',
      localStamp: newest(state.row) ?? state.tombstone?.stamp ?? 0n,
      remoteStamp: newest(merged.row) ?? merged.tombstone?.stamp ?? 0n,
      reason: reason(state, merged),
    },
  };
  // Without either image the key would be lost.
  if (entry.local === undefined && entry.remote === undefined) entry.local = texts;
  return { entry, origin: { number: source, name: siteName(source) } };
}

/** The site whose row stands, or the first that knows of the delete. */
function sourceOf(others: readonly SiteState[], merged: MergedState): number {
  const from = merged.groups.map((group) => group.site);
  const known =
    others.find(({ site }) => from.includes(site)) ??
    others.find(({ tombstone }) => tombstone !== undefined) ??
    others[0];
  return known?.site ?? 0;
}

function changedGroups({ row }: SiteState, merged: MergedState): number[] {
  const all = merged.groups.map((_, index) => index);
  if (row === undefined || merged.row === undefined) return all;
  const { stamps, hashes } = merged.row;
  return all.filter(
    (index) => row.stamps[index] !== stamps[index] || row.hashes[index] !== hashes[index],
  );
}

function method(merged: MergedState, changed: readonly number[]): string {
  if (merged.row === undefined) return 'tombstone';
  const decisions = changed.map((index) => merged.groups[index]!.decision);
  return [...new Set(decisions.filter((decision) => decision !== 'equal'))].join(' ') || 'restore';
}

function reason(state: SiteState, merged: MergedState): string {
  if (merged.row === undefined) return 'the row was deleted and had come back; deleted again';
  if (state.row === undefined) return 'the row was lost; put back as the other sites have it';
  return 'the row was not what the other sites have; verify made them equal';
}

function newest(row: ComparedRow | undefined): bigint | undefined {
  return row?.stamps.reduce((one, other) => (other > one ? other : one), row.birth);
}
