import type { ColumnOrder } from '../model/column-order.ts';
import type { Method } from '../model/ir.ts';

/**
 * What merge works on: the state of one key at one site and a change to it. Values are PostgreSQL text
 * form (`null` is SQL NULL), so that nothing here depends on I/O, on drivers or on binary formats.
 */

/** `(µs since 2020-01-01 UTC << 11) | site number`; a total order, never equal for two sites. */
export type Stamp = bigint;

export type Value = string | null;

/** One version of a row: stamps by group, values by non-key column, both in the order of the IR. */
export interface RowVersion {
  birth: Stamp;
  stamps: Stamp[];
  values: Value[];
}

/** What remains of a deleted row. */
export interface Tombstone {
  /** The greatest birth that was deleted: all incarnations up to it are dead. */
  birth: Stamp;
  /** Stamp of the latest delete. */
  stamp: Stamp;
}

/** Everything that a site knows of one key. */
export interface KeyState {
  row?: RowVersion;
  tombstone?: Tombstone;
}

/**
 * The net change of one key by one origin in one or several consecutive transactions.
 *
 * `before` is the row the origin saw when it made the change (absent: it saw none), `after` the row it
 * left (absent: it left none), `deleted` the tombstone it left. An update has both rows with the same
 * birth; a delete `before` and `deleted`; delete and re-insert `before`, `deleted` and `after`.
 */
export interface Change {
  before?: RowVersion;
  after?: RowVersion;
  deleted?: Tombstone;
}

export type ConflictType = 'update' | 'uniqueness' | 'delete' | 'missing';
export type Winner = 'local' | 'remote' | 'merged';

/** One conflict that merge met and how it was decided. */
export interface Conflict {
  type: ConflictType;
  /** Name of the column group; absent where the whole row is concerned. */
  group?: string;
  method: string;
  winner: Winner;
  localStamp: Stamp;
  remoteStamp: Stamp;
  reason: string;
}

export interface MergeResult {
  state: KeyState;
  conflicts: Conflict[];
}

/** What merge has to know of an entity. */
export interface MergePolicy {
  groups: GroupPolicy[];
}

export interface GroupPolicy {
  name: string;
  method: Method;
  /** Places of the group's columns in `RowVersion.values`. */
  columns: number[];
  /** Of methods that keep the best value: the order of each of `columns`. */
  orders?: ColumnOrder[];
}
