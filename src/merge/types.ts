import type { ColumnOrder } from '../model/groups/column-order.ts';
import type { DeleteRule, KeyClashRule, Method } from '../model/ir/ir-resolution.ts';

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
  /** Places of groups that the origin's revision of the model lacks: both rows have the values of a new row there. */
  unknown?: ReadonlySet<number>;
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
  /** Of a set: the elements that one side added and the other removed. */
  elements?: string[];
}

export interface MergeResult {
  state: KeyState;
  conflicts: Conflict[];
}

/** What merge has to know of an entity. */
export interface MergePolicy {
  groups: GroupPolicy[];
  /** Of an entity that keeps history; absent: a delete wins. */
  onDeleteUpdate?: DeleteRule;
  /** Of an entity that keeps history; absent: the later insert of a key stands. */
  onKeyClash?: KeyClashRule;
  /** Of an entity whose rows expire: sites remove them by themselves, without a tombstone. */
  expires?: { /** Place of the time in `RowVersion.values`. */ value: number; graceMicros: bigint };
}

export interface GroupPolicy {
  name: string;
  /** `ordered`: what `methods` say, by replay. */
  method: Method | 'ordered';
  /** Places of the group's columns in `RowVersion.values`. */
  columns: number[];
  /** Of methods that keep the best value: the order of each of `columns`. */
  orders?: ColumnOrder[];
  /** Of an ordered group: tried in this order, the next one decides when one cannot. */
  methods?: Decider[];
  /** Of sets, whose `columns` are the array and its tags. */
  set?: SetPolicy;
}

export interface SetPolicy {
  /** The elements are sorted as numbers, and not by the bytes of their text form. */
  numbers: boolean;
  /** What the array of an empty set is. */
  empty: Value;
  /** The elements are named nowhere. */
  secret?: boolean;
}

/** Names of all sites of the group by number. Asked when a method decides: sites join meanwhile. */
export type SiteNames = () => ReadonlyMap<number, string>;

/** A method of an ordered group with what it needs. */
export type Decider =
  | { method: 'latest-timestamp' | 'overwrite' | 'earliest-timestamp' | 'discard' | 'park' }
  | { method: 'additive' }
  | { method: 'maximum' | 'minimum' | 'serial-maximum' | 'priority-group'; orders: ColumnOrder[] }
  /** Digits after the decimal point by column; undefined: as many as the mean needs. */
  | { method: 'average'; scales: (number | undefined)[] }
  | { method: 'site-priority'; sites: readonly string[]; names: SiteNames }
  /** `place`: of the column with the owner's name; absent where the owner is who inserted the row. */
  | { method: 'owner-wins'; place?: number; names: SiteNames }
  /** `type`: of the function's arguments. */
  | { method: 'sql-function'; name: string; type: string; columns?: readonly FunctionColumn[] };

/** A column of a group of several that a function decides about. */
export interface FunctionColumn {
  name: string;
  /** PostgreSQL type. */
  type: string;
}

/** A change as its origin made it, not netted, and the greatest stamp that it wrote. */
export interface Recorded {
  change: Change;
  stamp: Stamp;
}

/** The state of a key after the changes that are stable, and the image that its last delete ended. */
export interface ReplayBase extends KeyState {
  /** Only without `row`: an update that had not seen the delete brings it back from here. */
  last?: RowVersion;
}

/**
 * What a site keeps of one key. Without a base everything before the first change is stable, and the base is
 * what that change found.
 */
export interface History {
  base?: ReplayBase;
  /** In the order of their stamps, which are all different. */
  changes: Recorded[];
}

/** A conflict that a replay met. `local` is what stood at that place of the replay, `remote` the change. */
export interface ReplayConflict extends Conflict {
  /** Stamp of the change. */
  of: Stamp;
  /** It waits for an operator. */
  parked: boolean;
  /** The row that the change met; undefined where there was none. */
  met?: RowVersion;
}

export interface Replayed {
  state: KeyState;
  /** As in `ReplayBase`. */
  last?: RowVersion;
  /** Births of the inserts that the row, or what the last delete ended, was made of: more than one where they merge. */
  births: ReadonlySet<Stamp>;
  /** The row stands although a site has deleted it: an insert of the key may be of one that knows of that. */
  outlived: boolean;
  conflicts: ReplayConflict[];
}

/**
 * A call of an SQL function: `base` is what the origin of the incoming change saw. The result is the value;
 * NULL says that it cannot decide.
 */
export interface FunctionCall {
  name: string;
  /** PostgreSQL type of the three arguments and of the result. */
  type: string;
  /** Of a group of several columns: arguments are JSON objects with them, the result a JSON array in their order. */
  columns?: readonly FunctionColumn[];
  base: Value;
  current: Value;
  incoming: Value;
}
