/**
 * The part of the intermediate representation (ir.ts) that says how conflicts are resolved: the methods of column
 * groups, and the rules of entities, unique constraints and references.
 */
import type { SqlName } from './names.ts';

/**
 * How two concurrent values of a group are merged; all of them converge at any number of sites without
 * history.
 *
 * `latest-timestamp`, and `overwrite`, which is the same where several sites write: the group with the
 * greater stamp. `additive`: every column is a number and writes are differences that add up. The others
 * keep the best value of each column in an order (src/model/groups/column-order.ts), up which every local write
 * has to go. `add-wins` and `remove-wins`: the group is one array column without duplicates, whose elements
 * are added and removed one by one (src/merge/set.ts).
 */
export type Method =
  | 'latest-timestamp'
  | 'overwrite'
  | 'additive'
  | 'maximum'
  | 'minimum'
  | 'serial-maximum'
  | 'priority-group'
  | SetMethod;

/** Methods of leaf-lists whose values merge one by one. */
export type SetMethod = 'add-wins' | 'remove-wins';

/**
 * One method of an ordered group: two values meet in the order of their stamps, the *current* one and the
 * *incoming* one. `site-priority`, `owner-wins`, `average` and `sql-function` may leave it to the next
 * method; where that was the last one the values are parked.
 */
export interface OrderedMethod {
  method:
    | Exclude<Method, SetMethod>
    | 'earliest-timestamp'
    | 'discard'
    | 'average'
    | 'site-priority'
    | 'owner-wins'
    | 'sql-function'
    | 'park';
  /** `site-priority`: names of sites, the one that goes before all others first. */
  sites?: string[];
  /** `sql-function`: its name, with the schema. */
  function?: SqlName;
  /** As in `ColumnGroup`. */
  order?: string[];
}

/**
 * A delete and a concurrent update. `update`: the row stays, or comes back. `latest`: the later of the two
 * stands. `park`: the row stays until an operator has decided.
 */
export type DeleteRule = 'update' | 'latest' | 'park';

/** Two inserts of one key. `earliest`: the earlier one stands. `merge`: they are merged by column group. */
export type KeyClashRule = 'earliest' | 'merge';

/**
 * Two rows that a unique constraint forbids to exist together. `earliest`, `latest`: the row that claimed the
 * values first or last stands, the other one waits outside the table.
 * `append-site`, `append-sequence`: the later one's value is lengthened. `park`: what arrives waits.
 */
export type ClashMethod = 'park' | 'earliest' | 'latest' | 'append-site' | 'append-sequence';

/** `restore`: the delete of the target is undone. `park`: the row waits outside the table for its target. */
export type OrphanRule = 'set null' | 'delete' | 'restore' | 'park';
