import type { Stamp, Tombstone, Value } from '../merge/types.ts';

/**
 * What a site knows of one key, as sites are compared by it: values stand for themselves only where a
 * row is mended; otherwise their group's MD5 stands for them, so that large values do not travel.
 */
export interface SiteState {
  /** The site's number. */
  site: number;
  row?: ComparedRow;
  tombstone?: Tombstone;
}

export interface ComparedRow {
  birth: Stamp;
  /** By group, in the order of the IR. */
  stamps: Stamp[];
  /** MD5 of each group's values, hexadecimal. */
  hashes: string[];
  /** Length of the row's text form, bytes. */
  bytes: number;
  /** When it expires, µs since 1970; of entities whose rows do. */
  expires?: string;
  /** By non-key column, in the order of the IR; empty where only hashes were asked for. */
  values: Value[];
}

/** A key's columns in text form, in key order. */
export type Key = readonly string[];

/** True if both sites have the same row (or none). Tombstones are not compared: sites collect them apart. */
export function sameRow(one: SiteState, other: SiteState): boolean {
  return rowToken(one) === rowToken(other);
}

/** A text that is equal for equal states, tombstones included. */
export function stateToken(state: SiteState): string {
  const { tombstone } = state;
  const dead = tombstone === undefined ? '-' : `${tombstone.birth} ${tombstone.stamp}`;
  return `${rowToken(state)} ${dead}`;
}

function rowToken({ row }: SiteState): string {
  return row === undefined ? '-' : [row.birth, ...row.stamps, ...row.hashes].join(' ');
}
