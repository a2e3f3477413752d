import type { Client } from 'pg';
import { recordConflicts } from '../apply/rows/conflict-log.ts';
import type { ConflictEntry } from '../apply/rows/conflict-log.ts';
import type { RowCodec } from '../apply/rows/row-codec.ts';
import type { MergedState } from './merge-states.ts';
import { keyTexts } from './mend-writer.ts';
import type { Mend } from './mend-writer.ts';
import type { ComparedRow, SiteState } from './state.ts';

/** Records what was mended, in the caller's transaction. */
export async function recordDrift(
  client: Client,
  codec: RowCodec,
  { mends, siteName }: { mends: readonly Mend[]; siteName: (number: number) => string },
): Promise<void> {
  const bySource = new Map<number, ConflictEntry[]>();
  for (const mend of mends) {
    const source = sourceOf(mend.others, mend.merged);
    const entries = bySource.get(source) ?? [];
    entries.push(driftEntry(codec, mend));
    bySource.set(source, entries);
  }
  for (const [number, entries] of bySource) {
    await recordConflicts(client, entries, { number, name: siteName(number) });
  }
}

/** The row of `crp.conflict` that says what was mended: both images, from whom it was taken, and why. */
function driftEntry(codec: RowCodec, mended: Mend): ConflictEntry {
  const { state, merged } = mended;
  const { entity, columns } = codec.shape;
  const changed = changedGroups(state, merged);
  const texts = keyTexts(codec, mended.key);
  const image = (row: ComparedRow | undefined) =>
    row === undefined ? undefined : codec.texts(row, texts);
  const names = changed.map((index) => entity.groups[index]!.name);
  return {
    ...{ entity, columns, status: 'resolved' },
    ...{ local: image(state.row), remote: image(merged.row) },
    conflict: {
      ...(state.row === undefined || merged.row === undefined ? {} : { group: names.join(' ') }),
      ...{ type: 'drift', method: method(merged, changed) },
      // What changed here is what another site had, even if this site's other groups stand.
      winner: 'remote',
      localStamp: newest(state.row) ?? state.tombstone?.stamp ?? 0n,
      remoteStamp: newest(merged.row) ?? merged.tombstone?.stamp ?? 0n,
      reason: reason(state, merged),
    },
  };
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
