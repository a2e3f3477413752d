import { AppError } from '../base/errors.ts';
import type { Tombstone, Value } from '../merge/types.ts';
import { BUCKETS } from '../sql/checks/verify.ts';
import type { Key, SiteState } from './state.ts';

/*
 * What sites say to each other when they are compared. A request is the JSON body of a POST to
 * `/v1/verify` or `/v1/repair`; the answer is frames (src/link/frames.ts): JSON values, heartbeats while
 * a statement runs, and in the end `done` or `error`. Stamps and positions are decimal texts.
 */

export const VERIFY_PATH = '/v1/verify';
export const REPAIR_PATH = '/v1/repair';

export const ANSWER = { json: 0x6a, heartbeat: 0x68, error: 0x65, done: 0x7a } as const;

/** Keys whose states are asked for at once. */
export const MAX_KEYS = 2000;
/** Rows that are mended at once, in one transaction. */
export const MAX_MENDED = 200;
/** Longest body of a request: the rows to mend from all other sites, or one row that is larger than that. */
export const MAX_REQUEST = 128 * 1024 * 1024;

/** How far a site is: by origin, the position up to which it has everything. */
export type Positions = [origin: number, position: string][];

export type VerifyRequest =
  | { op: 'buckets'; entity: string }
  | { op: 'keys'; entity: string; buckets: number[] }
  | { op: 'states'; entity: string; keys: Key[]; values: boolean }
  | { op: 'positions' }
  | { op: 'reach'; positions: Positions };

/** One row to mend: written only if the site still has what was compared. */
export interface MendRequest {
  entity: string;
  rows: MendRow[];
}

export interface MendRow {
  key: Key;
  /** `stateToken` of the site's own state. */
  expected: string;
  /** What all other compared sites have, with values. */
  others: WireState[];
}

/**
 * `unchanged`: nothing had to be done. `changed`: the row is no longer what was compared, or is locked.
 * `refused`: a constraint of the database forbids what would have to stand there.
 */
export interface MendOutcome {
  outcome: 'mended' | 'unchanged' | 'changed' | 'refused';
  reason?: string;
}

/** Rows and hash of one bucket. */
export type BucketDigest = [bucket: number, rows: number, hash: string];

export interface WireState {
  site: number;
  row?: {
    birth: string;
    stamps: string[];
    hashes: string[];
    bytes: number;
    values: Value[];
    expires?: string;
  };
  tombstone?: { birth: string; stamp: string };
}

/** A state as it travels. */
export function toWire({ site, row, tombstone }: SiteState): WireState {
  return {
    site,
    ...(row === undefined
      ? {}
      : { row: { ...row, birth: row.birth.toString(), stamps: row.stamps.map(String) } }),
    ...(tombstone === undefined
      ? {}
      : { tombstone: { birth: `${tombstone.birth}`, stamp: `${tombstone.stamp}` } }),
  };
}

/** @throws AppError LINK_PROTOCOL when it is no state of an entity with so many groups */
export function fromWire(value: unknown, groups: number): SiteState {
  const { site, row, tombstone } = (value ?? {}) as Partial<WireState>;
  const fine =
    Number.isInteger(site) &&
    (row === undefined || isRow(row, groups)) &&
    (tombstone === undefined || (isStamp(tombstone.birth) && isStamp(tombstone.stamp)));
  if (!fine) throw protocolError('no state of a row');
  const state: SiteState = { site: site! };
  if (row !== undefined) {
    state.row = { ...row, birth: BigInt(row.birth), stamps: row.stamps.map(BigInt) };
  }
  if (tombstone !== undefined) state.tombstone = toTombstone(tombstone);
  return state;
}

function toTombstone(wire: { birth: string; stamp: string }): Tombstone {
  return { birth: BigInt(wire.birth), stamp: BigInt(wire.stamp) };
}

function isRow(row: WireState['row'], groups: number): boolean {
  return (
    row !== undefined &&
    isStamp(row.birth) &&
    isList(row.stamps, isStamp, groups) &&
    isList(row.hashes, (hash) => typeof hash === 'string', groups) &&
    Number.isInteger(row.bytes) &&
    (row.expires === undefined || /^-?\d{1,19}$/.test(row.expires)) &&
    isList(row.values, (text) => text === null || typeof text === 'string')
  );
}

/**
 * Checks a request to `/v1/verify` before anything is done with it.
 *
 * @throws AppError LINK_PROTOCOL
 */
export function checkVerifyRequest(value: unknown): VerifyRequest {
  const request = value as Partial<Record<string, unknown>> | null;
  const entity = typeof request?.['entity'] === 'string';
  const checks: Record<VerifyRequest['op'], () => boolean> = {
    buckets: () => entity,
    keys: () => entity && isList(request?.['buckets'], isBucket),
    states: () => entity && isList(request?.['keys'], isKey) && withinKeys(request?.['keys']),
    positions: () => true,
    reach: () => isList(request?.['positions'], isPosition),
  };
  const op = String(request?.['op']);
  if (Object.hasOwn(checks, op) && checks[op as VerifyRequest['op']]())
    return value as VerifyRequest;
  throw protocolError('no question of a comparison');
}

/** @throws AppError LINK_PROTOCOL */
export function checkMendRequest(value: unknown): MendRequest {
  const { entity, rows } = (value ?? {}) as Partial<MendRequest>;
  const isMend = (row: unknown): boolean => {
    const { key, expected, others } = (row ?? {}) as Partial<MendRow>;
    return isKey(key) && typeof expected === 'string' && Array.isArray(others);
  };
  const fine = typeof entity === 'string' && isList(rows, isMend) && rows!.length <= MAX_MENDED;
  if (fine) return value as MendRequest;
  throw protocolError('no rows to mend');
}

function isList(value: unknown, fits: (one: unknown) => boolean, length?: number): boolean {
  if (!Array.isArray(value) || !value.every(fits)) return false;
  return length === undefined || value.length === length;
}

function isStamp(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value);
}

function isKey(value: unknown): boolean {
  return isList(value, (text) => typeof text === 'string');
}

function withinKeys(value: unknown): boolean {
  return (value as unknown[]).length <= MAX_KEYS;
}

function isBucket(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < BUCKETS;
}

function isPosition(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [origin, position] = value as unknown[];
  return Number.isInteger(origin) && typeof position === 'string' && /^\d{1,20}$/.test(position);
}

function protocolError(what: string): AppError {
  return new AppError('LINK_PROTOCOL', `What came over the link is ${what}`, {
    hint: 'The sites may run different versions of Syncline',
    retry: 'later',
  });
}
