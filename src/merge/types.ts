/**
 * What merge works on: the state of one key at one site and a change to it. Values are PostgreSQL text
 * form (`null` is SQL NULL), so that nothing here depends on I/O, on drivers or on binary formats.
 */

/** `(µs since 2020-01-01 UTC << 11) | site number`; a total order, never equal for two sites. */
export type Stamp = bigint;

export type Value = string | null;

/** One version of a row. `stamps` by group and `values` by column, in the order of the entity's IR. */
export interface RowVersion {
  birth: Stamp;
  stamps: Stamp[];
  values: Value[];
}

/** What remains of a deleted row. `image` only where the entity's `onDeleteUpdate` needs it. */
export interface Tombstone {
  /** The greatest birth that was deleted: all incarnations up to it are dead. */
  birth: Stamp;
  /** Stamp of the latest delete. */
  stamp: Stamp;
  image?: RowVersion;
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
 * A value that the origin did not send since it did not change (unchanged TOAST) is `undefined` in
 * `after.values` and equals the one of `before`.
 */
export interface Change {
  /** Site number of the origin. */
  origin: number;
  before?: RowVersion;
  after?: { birth: Stamp; stamps: Stamp[]; values: (Value | undefined)[] };
  deleted?: { birth: Stamp; stamp: Stamp };
}
