/**
 * The intermediate representation (IR) of a model: what everything behind the model compiler reads.
 * It is plain JSON (stored in `crp.model.ir`, hashed for comparison between sites) and knows nothing
 * of YANG. See ARCHITECTURE.md §3 for the row metadata that it implies.
 */
import type {
  ClashMethod,
  DeleteRule,
  KeyClashRule,
  Method,
  OrderedMethod,
  OrphanRule,
} from './ir-resolution.ts';
import type { SqlName } from './names.ts';

/** Version of this format; a stored IR with another version is refused with a clear error. */
export const IR_VERSION = 1;

export interface Model {
  irVersion: number;
  /** Name of the main YANG module, for example `common-dns-zone`. */
  name: string;
  /** Its newest revision date, `YYYY-MM-DD`. */
  revision: string;
  description?: string;
  /** The argument of `crp:service`, for example `dns`. */
  service: string;
  /** The SQL schema of the entities' tables. */
  schema: string;
  entities: Entity[];
  /** Tables that belong to the site (crp:site-local): nothing of them is replicated, stamped or compared. */
  localEntities?: Entity[];
}

/** A keyed list that became one SQL table. */
export interface Entity {
  /** The stable name, argument of `crp:entity`; unique in the model. */
  name: string;
  /** Schema path of the YANG node, `/dns/zone/rrset`. */
  path: string;
  description?: string;
  table: SqlName;
  /** The table exists and belongs to a program: it only gets what replication adds. */
  adopted?: true;
  /** Triggers of an adopted table that fire for replicated rows too. */
  fireAlways?: string[];
  /** Name of the tombstone table in schema `crp`. */
  tombstone: string;
  /** Key columns first, then the others in schema order. The hidden `_crp_` columns are not listed. */
  columns: Column[];
  /** Names of the key columns, in key order. */
  key: string[];
  uniques: Unique[];
  references: Reference[];
  /** Rows are never changed, only inserted and deleted. */
  appendOnly?: true;
  /** Who may write a row; every site when absent. Triggers refuse local writes of others. */
  ownership?: Ownership;
  /** Numbers with a bound. Each has no column but two entities of its own, and functions that write them. */
  counters?: Counter[];
  /** Rows are written by generated functions; a trigger refuses other local writes. */
  functionsOnly?: true;
  /** It is one of the model's `localEntities`: its table has no hidden columns and no triggers of ours. */
  local?: true;
  /** When a row is removed by every site by itself. */
  expires?: Expiry;
  /** Which site may insert a key. */
  claim?: Claim;
  /** The channel that is notified when rows that another site wrote were applied. */
  afterApply?: string;
  /** Row-local CHECK constraints. */
  checks: Check[];
  /** Every non-key column is in exactly one group; without such columns there is one empty group. */
  groups: ColumnGroup[];
  /**
   * Name of the table in schema `crp` with the changes of each key that are not stable. There where a method
   * or rule of the entity does not converge on what a row holds (docs/convergence.md): its state is then
   * found by replaying them in the order of their stamps.
   */
  history?: string;
  /** A delete and a concurrent update; the row stays deleted when absent. Needs `history`. */
  onDeleteUpdate?: DeleteRule;
  /** Two inserts of one key; the later one stands when absent. Needs `history`. */
  onKeyClash?: KeyClashRule;
}

export interface Column {
  name: string;
  /** RFC 7951 path below the entity, `soa/serial`. */
  path: string;
  description?: string;
  /** PostgreSQL type as `format_type()` prints it: `bigint`, `text`, `numeric(20,0)`. */
  type: string;
  notNull: boolean;
  /** SQL expression of DEFAULT. */
  default?: string;
  /** The only values it may have, of an enumeration or identityref. */
  values?: string[];
  /** Name of its column group; absent for key columns and for columns that are not replicated. */
  group?: string;
  /** It belongs to the site (crp:site-local): its values never leave it. */
  local?: true;
  /** Every site computes it by itself from the rest of the row, by this SQL expression (crp:derived). */
  derived?: string;
  /** Its values are shown nowhere (crp:secret). */
  secret?: true;
}

export interface Unique {
  name: string;
  columns: string[];
  /** What becomes of two rows that have the same values; absent: `park`. */
  clash?: Exclude<ClashMethod, 'park'>;
  /** The column whose value `append-site` and `append-sequence` lengthen. */
  append?: string;
}

export interface Reference {
  name: string;
  columns: string[];
  target: { entity: string; columns: string[] };
  /** What a local delete of the referenced row does. */
  onDelete: 'restrict' | 'cascade' | 'set null';
  /** What becomes of a row whose target another site deleted; absent: it is kept. */
  onOrphan?: OrphanRule;
}

/** Rows are removed when the time in the column is longer ago than the grace. */
export interface Expiry {
  column: string;
  /** Seconds. */
  grace: number;
}

/** Keys belong to the sites that the rows of another table name, by ranges of this entity's key column. */
export interface Claim {
  key: string;
  ranges: SqlName;
  /** Columns of the ranges: the first and the last key, and the name of the site. */
  first: string;
  last: string;
  owner: string;
}

/** `site`: the site that inserted the row; `row`: the site whose name is in a column. */
export type Ownership = { kind: 'site' } | { kind: 'row'; column: string };

/**
 * A number that never falls below a bound (crp:escrow), kept as a bounded counter: what is above the bound is
 * divided into shares of sites, and a site takes from its own share only. See src/sql/ddl/counter-sql.ts.
 */
export interface Counter {
  /** As a column would be called; in the names of its functions. */
  name: string;
  /** RFC 7951 path of the leaf below the entity. */
  path: string;
  description?: string;
  /** The lower bound and first value, an SQL number. */
  bound: string;
  /** Digits after the decimal point. */
  scale: number;
  /** Entity with one row for each holder and grantee: the amount that one gave the other, or itself. */
  right: string;
  /** Entity with one row for each site: the amount that it took. */
  used: string;
}

export interface Check {
  name: string;
  /** SQL boolean expression over the row's columns. */
  expression: string;
  /** What its author says when it is broken. */
  message?: string;
}

export interface ColumnGroup {
  name: string;
  /** Hidden column that holds the group's stamp, `_crp_<name>`. */
  stamp: string;
  /** Of a set: hidden column that says which write added and removed which value, `_crp_<name>_tags`. */
  tags?: string;
  columns: string[];
  /** `ordered`: what `methods` say. */
  method: Method | 'ordered';
  /** Of an ordered group: tried in this order, the next one decides when one cannot. */
  methods?: OrderedMethod[];
  /**
   * Of one column's values, from the lowest to the highest: `priority-group`, and `maximum` or `minimum`
   * of an enumeration.
   */
  order?: string[];
}

/** Name of the hidden column with the stamp of the row's insert. */
export const BIRTH_COLUMN = '_crp_birth';

/** A column that replication adds to an entity's table. */
export interface HiddenColumn {
  name: string;
  type: 'bigint' | 'text[]';
}

/** The hidden columns of an entity, in the order in which they stand at the end of its table. */
export function hiddenColumns(entity: Entity): HiddenColumn[] {
  if (entity.local === true) return [];
  return [
    { name: BIRTH_COLUMN, type: 'bigint' },
    ...entity.groups.map(({ stamp }): HiddenColumn => ({ name: stamp, type: 'bigint' })),
    ...entity.groups.flatMap(({ tags }): HiddenColumn[] =>
      tags === undefined ? [] : [{ name: tags, type: 'text[]' }],
    ),
  ];
}

/** The columns whose values are merged as one: the group's own, and the hidden one of a set. */
export function mergedColumns(group: ColumnGroup): string[] {
  return group.tags === undefined ? group.columns : [...group.columns, group.tags];
}
