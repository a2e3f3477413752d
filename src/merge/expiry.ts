import { STAMP_EPOCH_MS } from './stamps.ts';
import type { MergePolicy, RowVersion } from './types.ts';

/** µs from the Unix epoch to that of stamps. */
const STAMP_EPOCH = BigInt(STAMP_EPOCH_MS) * 1000n;

/** PostgreSQL's text form with DateStyle ISO and TimeZone UTC; years beyond 9999 and BC have others. */
const ISO_TIME = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/;

/** When a row is over, in µs since 2020, its grace included; undefined if never, as for rows that do not expire. */
export function endOf({ expires }: MergePolicy, row: RowVersion): bigint | undefined {
  if (expires === undefined) return undefined;
  const match = ISO_TIME.exec(row.values[expires.value] ?? '');
  if (match === null) return undefined;
  const [, date, time, fraction = ''] = match;
  const seconds = BigInt(Date.parse(`${date}T${time}Z`)) * 1000n;
  return seconds + BigInt(fraction.padEnd(6, '0')) + expires.graceMicros - STAMP_EPOCH;
}

/**
 * Whether a row's time was over when a later row of its key was inserted. Then its site may have removed it by
 * itself, and two inserts of the key are no conflict. False for entities whose rows do not expire.
 */
export function wasOver(policy: MergePolicy, earlier: RowVersion, later: RowVersion): boolean {
  const end = endOf(policy, earlier);
  return end !== undefined && end <= later.birth >> 11n;
}
