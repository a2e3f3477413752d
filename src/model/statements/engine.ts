/**
 * What this version of the engine can do. The language says more (yang/common-replication); whatever a
 * model says beyond this table is refused, so that no rule is taken and then not kept.
 */

export interface MethodInfo {
  available: boolean;
  /** The result depends on the order of changes: they are replayed in stamp order, which needs history. */
  ordered: boolean;
  /** The values it can merge; `serial`: numbers of 32 bits without sign (RFC 1982). */
  values: 'any' | 'number' | 'serial' | 'comparable' | 'set';
}

const any = { ordered: false, values: 'any' } as const;

/** The resolution methods by the name of their identity in `common-replication`. */
export const METHODS: Readonly<Record<string, MethodInfo>> = {
  'latest-timestamp': { ...any, available: true },
  'earliest-timestamp': { ...any, available: true, ordered: true },
  additive: { available: true, ordered: false, values: 'number' },
  maximum: { available: true, ordered: false, values: 'comparable' },
  minimum: { available: true, ordered: false, values: 'comparable' },
  'serial-maximum': { available: true, ordered: false, values: 'serial' },
  'priority-group': { ...any, available: true },
  'site-priority': { ...any, available: true, ordered: true },
  'owner-wins': { ...any, available: true, ordered: true },
  average: { available: true, ordered: true, values: 'number' },
  overwrite: { ...any, available: true },
  discard: { ...any, available: true, ordered: true },
  'add-wins': { available: true, ordered: false, values: 'set' },
  'remove-wins': { available: true, ordered: false, values: 'set' },
  'sql-function': { ...any, available: true, ordered: true },
  park: { ...any, available: true, ordered: true },
};

/**
 * Statements whose argument the engine honours only in part: the values that it does honour. An empty list:
 * the statement is not honoured at all. Statements that are not listed are honoured whole.
 */
export const HONOURED: Readonly<Record<string, readonly string[]>> = {
  commit: ['local'],
  ownership: ['none', 'site', 'row'],
  escrow: ['lower'],
  split: ['origin'],
  transfer: ['none'],
  'low-water': [],
  reservation: [],
  backup: [],
  'sql-key': [],
};

/** What becomes of two rows that uniqueness forbids to exist together. */
export const CLASH_OF_KEYS: readonly string[] = ['latest', 'earliest', 'merge'];
export const CLASH_OF_UNIQUES: readonly string[] = [
  ...['latest', 'earliest', 'discard', 'park', 'append-site', 'append-sequence'],
];
