/** What a base copy says of itself, looked at before anything is done with it: what it names is written into. */
import { AppError } from '../../base/errors.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { WAITING_TABLES } from './base-format.ts';
import type { BaseHeader, BaseTable } from './base-format.ts';
import { isMember } from '../members/gossip.ts';

/** Numbers of 64 bits as they travel, and as they are written into SQL. */
const NUMBER = /^-?\d{1,20}$/;

/**
 * @throws AppError LINK_PROTOCOL
 */
export function checkHeader(value: unknown): BaseHeader {
  const header = value as Partial<BaseHeader> | null;
  const fine =
    typeof header?.site?.name === 'string' &&
    Number.isInteger(header.site.number) &&
    Number.isInteger(header.site.incarnation) &&
    [header.position, header.floor].every(isNumber) &&
    isPairs(header.knowledge, Number.isInteger) &&
    isPairs(header.sequences, (name) => typeof name === 'string') &&
    Array.isArray(header.models) &&
    Array.isArray(header.members) &&
    header.members.every(isMember) &&
    Array.isArray(header.tables) &&
    header.tables.every(isTable);
  if (fine) return header as BaseHeader;
  throw new AppError('LINK_PROTOCOL', 'What came is no base copy', {
    hint: 'The sites may run different versions of Syncline',
  });
}

/**
 * Refuses a copy of tables that are not those of the entities: it would be written into what is nobody's business.
 *
 * @throws AppError BASE_TABLES
 */
export function requireTables(tables: readonly BaseTable[], entities: readonly Entity[]): void {
  const known = new Set([
    ...Object.keys(WAITING_TABLES).map((name) => key({ schema: 'crp', name })),
    ...entities.flatMap(({ table, tombstone, history }) => [
      key(table),
      ...[tombstone, ...(history === undefined ? [] : [history])].map((name) =>
        key({ schema: 'crp', name }),
      ),
    ]),
  ]);
  const other = tables.find((table) => !known.has(key(table)));
  if (other === undefined) return;
  throw new AppError(
    'BASE_TABLES',
    `The copy has the table "${other.schema}.${other.name}", which the model has not`,
    { hint: 'Nothing was changed. The site that gives it is not to be trusted, or has a bug' },
  );
}

function key({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name]);
}

function isNumber(value: unknown): boolean {
  return typeof value === 'string' && NUMBER.test(value);
}

function isPairs(list: unknown, isFirst: (value: unknown) => boolean): boolean {
  return (
    Array.isArray(list) &&
    list.every((pair: unknown) => Array.isArray(pair) && isFirst(pair[0]) && isNumber(pair[1]))
  );
}

function isTable(value: unknown): boolean {
  const { schema, name, columns } = (value ?? {}) as Partial<BaseTable>;
  return (
    typeof schema === 'string' &&
    typeof name === 'string' &&
    Array.isArray(columns) &&
    columns.every((column) => typeof column === 'string')
  );
}
