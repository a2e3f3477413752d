/**
 * The grammar of `common-replication`: where each statement may stand, how often, and what its argument
 * is. It says what the descriptions in yang/common-replication say, as a table.
 */

export const CRP_MODULE = 'common-replication';

export type CrpArgument =
  | { kind: 'none' }
  | { kind: 'identifier' }
  | { kind: 'choice'; values: readonly string[] }
  | { kind: 'path' }
  | { kind: 'paths' }
  | { kind: 'schema-path' }
  | { kind: 'duration' }
  | { kind: 'method' }
  | { kind: 'words' }
  | { kind: 'sites' }
  | { kind: 'text' }
  | { kind: 'sql-name' }
  | { kind: 'sql-names' }
  | { kind: 'sql-binding' };

/** `1`: exactly once in each parent. */
export type Occurs = '0..1' | '1' | '*';

export interface CrpStatement {
  argument: CrpArgument;
  /** By the parent's keyword: a statement of YANG, or `crp:` and one of ours. */
  places: Readonly<Record<string, Occurs>>;
}

const choice = (...values: string[]): CrpArgument => ({ kind: 'choice', values });

/** Where a statement about a column may stand. */
const COLUMN = { leaf: '0..1', 'leaf-list': '0..1', 'crp:annotate': '0..1' } as const;
const REFERENCE = { leaf: '0..1', 'crp:entity': '0..1', 'crp:annotate': '0..1' } as const;
const OF_METHOD = { 'crp:resolve': '0..1', 'crp:otherwise': '0..1' } as const;
const inEntity = { 'crp:entity': '0..1' } as const;

export const CRP_STATEMENTS: Readonly<Record<string, CrpStatement>> = {
  service: { argument: { kind: 'identifier' }, places: { module: '0..1' } },
  commit: {
    argument: choice('off', 'local', 'remote-flush', 'remote-apply'),
    places: { module: '0..1' },
  },
  annotate: { argument: { kind: 'schema-path' }, places: { module: '*', submodule: '*' } },
  entity: { argument: { kind: 'identifier' }, places: { list: '0..1', 'crp:annotate': '0..1' } },
  ownership: { argument: choice('none', 'row', 'parent', 'site'), places: inEntity },
  'owner-leaf': {
    argument: { kind: 'path' },
    places: { 'crp:ownership': '0..1', 'crp:claim': '1' },
  },
  claim: { argument: { kind: 'identifier' }, places: inEntity },
  'key-range': { argument: { kind: 'paths' }, places: { 'crp:claim': '1' } },
  'column-group': { argument: { kind: 'identifier' }, places: { 'crp:entity': '*' } },
  resolve: {
    argument: { kind: 'method' },
    places: { 'crp:entity': '0..1', 'crp:column-group': '0..1', ...COLUMN },
  },
  otherwise: { argument: { kind: 'method' }, places: OF_METHOD },
  order: { argument: { kind: 'words' }, places: OF_METHOD },
  sites: { argument: { kind: 'sites' }, places: OF_METHOD },
  function: { argument: { kind: 'sql-name' }, places: OF_METHOD },
  'on-delete-update': { argument: choice('delete', 'update', 'latest', 'park'), places: inEntity },
  'on-unique-clash': {
    argument: choice(
      ...['latest', 'earliest', 'merge', 'discard', 'park'],
      ...['append-site', 'append-sequence', 'partitioned'],
    ),
    places: { 'crp:entity': '0..1', unique: '0..1' },
  },
  'expires-at': { argument: { kind: 'path' }, places: inEntity },
  grace: { argument: { kind: 'duration' }, places: { 'crp:expires-at': '0..1' } },
  'after-apply': { argument: { kind: 'identifier' }, places: inEntity },
  'append-only': { argument: { kind: 'none' }, places: inEntity },
  'site-local': {
    argument: { kind: 'none' },
    places: { ...inEntity, container: '0..1', ...COLUMN },
  },
  'in-group': {
    argument: { kind: 'identifier' },
    places: { ...COLUMN, choice: '0..1', container: '0..1' },
  },
  derived: { argument: { kind: 'text' }, places: { leaf: '0..1', 'crp:annotate': '0..1' } },
  'on-delete': { argument: choice('restrict', 'cascade', 'set-null'), places: REFERENCE },
  'on-orphan': {
    argument: choice('keep', 'set-null', 'delete', 'restore', 'park'),
    places: REFERENCE,
  },
  secret: { argument: { kind: 'none' }, places: COLUMN },
  escrow: {
    argument: choice('lower', 'upper'),
    places: { leaf: '0..1', 'crp:annotate': '0..1' },
  },
  bound: { argument: { kind: 'text' }, places: { 'crp:escrow': '1' } },
  split: { argument: choice('origin', 'even', 'weighted'), places: { 'crp:escrow': '0..1' } },
  transfer: {
    argument: choice('on-demand', 'background', 'none'),
    places: { 'crp:escrow': '0..1' },
  },
  'low-water': { argument: { kind: 'text' }, places: { 'crp:transfer': '0..1' } },
  reservation: { argument: { kind: 'path' }, places: { 'crp:escrow': '0..1' } },
  backup: {
    argument: choice('continuous', 'none'),
    places: { module: '0..1', 'crp:entity': '0..1' },
  },
  keep: { argument: { kind: 'duration' }, places: { 'crp:backup': '0..1' } },
  'sql-table': { argument: { kind: 'sql-name' }, places: inEntity },
  adopt: { argument: choice('create', 'table'), places: { 'crp:sql-table': '0..1' } },
  'sql-key': { argument: { kind: 'sql-names' }, places: { 'crp:sql-table': '0..1' } },
  'fire-always': { argument: { kind: 'sql-name' }, places: { 'crp:sql-table': '*' } },
  'sql-column': { argument: { kind: 'sql-binding' }, places: { 'crp:sql-table': '*', ...COLUMN } },
  'sql-type': { argument: { kind: 'text' }, places: { 'crp:sql-column': '0..1' } },
};

/** The grammar of a statement; undefined for a name that is none, whatever an author writes. */
export function crpStatement(name: string): CrpStatement | undefined {
  return Object.hasOwn(CRP_STATEMENTS, name) ? CRP_STATEMENTS[name] : undefined;
}
