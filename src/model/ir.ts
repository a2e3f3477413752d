/**
 * The intermediate representation (IR) of a model: what everything behind the model compiler reads.
 * It is plain JSON (stored in `crp.model.ir`, hashed for comparison between sites) and knows nothing
 * of YANG. See ARCHITECTURE.md §3 for the row metadata that it implies.
 */

/** Version of this format; a stored IR with another major version is refused with a clear error. */
export const IR_VERSION = 1;

export interface Model {
  irVersion: number;
  /** Name of the main YANG module, for example `common-dns-zone`. */
  name: string;
  /** Its newest revision date, `YYYY-MM-DD`. */
  revision: string;
  /** The argument of `crp:service`, for example `dns`; also the default SQL schema. */
  service: string;
  schema: string;
  entities: Entity[];
}

/** A keyed list that became (`create`) or is bound to (`adopt`) one SQL table. */
export interface Entity {
  /** The stable name, argument of `crp:entity`; unique in the model. */
  name: string;
  /** Schema path of the YANG node, `/dns/zone/rrset`. */
  path: string;
  description?: string;
  table: SqlName;
  /** `create`: we own the DDL. `adopt`: the table exists and belongs to another program. */
  binding: 'create' | 'adopt';
  /** Name of the tombstone table in schema `crp`. */
  tombstone: string;
  /** Key columns first, then the others in schema order. The hidden `_crp_` columns are not listed. */
  columns: Column[];
  /** Names of the key columns, in key order. */
  key: string[];
  uniques: Unique[];
  references: Reference[];
  /** Row-local CHECK constraints (type restrictions, row-local must/when). */
  checks: Check[];
  /** Every replicated non-key column is in exactly one group. */
  groups: ColumnGroup[];
  /** A delete at one site and a concurrent update at another. */
  onDeleteUpdate: DeleteUpdate;
  /** Two sites insert the same key independently. */
  onKeyClash: KeyClash;
  /** Who may write: enforced by trigger; the error names the owner. */
  ownership: Ownership;
  /** The entity belongs to the site: never replicated, never restored elsewhere. */
  local: boolean;
  /** Only inserts are legal; a conflict on the key is a duplicate. */
  appendOnly: boolean;
  /** Column of type timestamptz after which the row no longer exists, anywhere. */
  expires?: { column: string; graceSeconds: number };
  /** Lower bound of how long tombstones are kept, in seconds. */
  tombstoneRetention: number;
  /** SQL run (as the agent's role) or NOTIFY sent after an apply transaction that touched the entity. */
  afterApply: AfterApply[];
  /** Triggers of the service that must fire for applied changes too (set ENABLE ALWAYS). */
  alwaysTriggers: string[];
  backup: 'continuous' | 'snapshot' | 'none';
}

export type DeleteUpdate = 'delete' | 'update' | 'latest' | 'park';
export type KeyClash = 'merge' | 'earliest' | 'latest' | 'discard' | 'park';
export type Ownership =
  { kind: 'none' } | { kind: 'site' } | { kind: 'row'; column: string } | { kind: 'parent' };
export interface AfterApply {
  kind: 'notify' | 'sql';
  text: string;
}

export interface SqlName {
  schema: string;
  name: string;
}

export interface Column {
  name: string;
  /** RFC 7951 path below the entity, `soa/serial`. */
  path: string;
  description?: string;
  /** PostgreSQL type as `format_type()` prints it: `bigint`, `text`, `numeric(20,0)`, `text[]`. */
  type: string;
  /** How values of the type are compared and added by merge. */
  kind: ValueKind;
  notNull: boolean;
  /** SQL expression of DEFAULT. */
  default?: string;
  /** Present for every replicated non-key column: the name of its group. */
  group?: string;
  /** Belongs to the site: excluded from replication and stamps. */
  local: boolean;
  /** SQL expression that apply recomputes it with (service column derived from others). */
  derived?: string;
  /** GENERATED ALWAYS AS … STORED: written by PostgreSQL, never by apply. */
  generated: boolean;
  /** For kind `enum`: the labels in ascending order. */
  labels?: string[];
}

/** `integer` covers all integer widths; `set` is an array merged as a set of elements. */
export type ValueKind =
  'integer' | 'decimal' | 'text' | 'boolean' | 'timestamp' | 'bytes' | 'enum' | 'set' | 'opaque';

export interface Unique {
  name: string;
  columns: string[];
  /** Predicate of a partial index, SQL. */
  where?: string;
  nullsNotDistinct: boolean;
  onClash: UniqueClash;
}

export type UniqueClash =
  'park' | 'discard' | 'latest' | 'earliest' | 'append-site' | 'append-sequence';

export interface Reference {
  name: string;
  columns: string[];
  target: { entity: string; columns: string[] };
  /** What a local delete of the referenced row does. */
  onDelete: 'restrict' | 'cascade' | 'clear';
  /** What happens when a merge leaves the reference without target. */
  onOrphan: 'keep' | 'clear' | 'delete' | 'revive' | 'park';
}

export interface Check {
  name: string;
  /** SQL boolean expression over the row's columns. */
  expression: string;
  message?: string;
}

export interface ColumnGroup {
  name: string;
  /** Hidden column that holds the group's stamp, `_crp_<name>`. */
  stamp: string;
  columns: string[];
  /** Tried in order: the next decides when one cannot. */
  methods: Method[];
}

/** Resolution methods, design §5. Which class each is in: `methodClass` in src/merge. */
export type Method =
  | { name: 'latest-timestamp' }
  | { name: 'earliest-timestamp' }
  | { name: 'overwrite' }
  | { name: 'discard' }
  | { name: 'additive' }
  | { name: 'average' }
  /** `monotonic`: a trigger refuses local writes against the direction, so no history is needed. */
  | { name: 'maximum'; monotonic: boolean }
  | { name: 'minimum'; monotonic: boolean }
  | { name: 'serial-maximum' }
  /** Values from lowest to highest. `monotonic` makes it a lattice: states that only move up. */
  | { name: 'priority-group'; order: string[]; monotonic: boolean }
  /** Site names from highest to lowest priority. */
  | { name: 'site-priority'; sites: string[] }
  | { name: 'owner-wins' }
  | { name: 'add-wins' }
  | { name: 'remove-wins' }
  /** SQL function (current, old, new) -> value. */
  | { name: 'function'; function: string; commutative: boolean }
  | { name: 'park' };

/** Name of the hidden column with the stamp of the row's insert. */
export const BIRTH_COLUMN = '_crp_birth';
