/** The order of a column's values for methods that keep the best one. */
import type { ColumnGroup } from '../ir/ir.ts';
import type { Method } from '../ir/ir-resolution.ts';

/**
 * Orders values in PostgreSQL's text form. NULL is below every value. `least`: the smaller one is the
 * better one. SQL (src/sql/names/best-value.ts) and merge follow the same order.
 */
export type ColumnOrder =
  | { kind: 'number' | 'float' | 'text' | 'boolean' | 'time'; least: boolean }
  /** RFC 1982 with SERIAL_BITS = 32; exactly opposite numbers: the greater number. */
  | { kind: 'serial' }
  /** From the lowest to the highest. */
  | { kind: 'listed'; values: readonly string[]; least: boolean };

const MONOTONIC: ReadonlySet<string> = new Set<Method>([
  'maximum',
  'minimum',
  'serial-maximum',
  'priority-group',
]);

/** True for methods whose columns only move up in their order, which a trigger keeps. */
export function isMonotonic(method: ColumnGroup['method']): boolean {
  return MONOTONIC.has(method);
}

/** By the type's name, without length or precision. */
const KINDS: Readonly<Record<string, 'number' | 'float' | 'text' | 'boolean' | 'time'>> = {
  smallint: 'number',
  integer: 'number',
  bigint: 'number',
  numeric: 'number',
  real: 'float',
  'double precision': 'float',
  text: 'text',
  'character varying': 'text',
  boolean: 'boolean',
  'timestamp with time zone': 'time',
  'timestamp without time zone': 'time',
  date: 'time',
};

/**
 * The order of a column of a monotonic group, by its type as `format_type()` prints it.
 *
 * @returns undefined when values of the type have no order that SQL and merge share
 */
export function columnOrder(
  group: { method: string; order?: readonly string[] },
  type: string,
): ColumnOrder | undefined {
  const least = group.method === 'minimum';
  if (group.order !== undefined) return { kind: 'listed', values: group.order, least };
  const base = type.replace(/\([^)]*\)/, '');
  const kind = Object.hasOwn(KINDS, base) ? KINDS[base] : undefined;
  if (group.method === 'serial-maximum') return kind === 'number' ? { kind: 'serial' } : undefined;
  return kind === undefined ? undefined : { kind, least };
}
