/** What a part of an XPath expression is in SQL: its kind decides how XPath 1.0 §3.4 compares it. */
import type { ColumnDraft } from '../draft/draft.ts';

export type SqlValue =
  | { kind: 'column'; column: ColumnDraft; sql: string }
  /** A leaf-list: a node-set of any size. */
  | { kind: 'array'; column: ColumnDraft; sql: string }
  /** A node that is always there and has no value of its own. */
  | { kind: 'present' }
  | { kind: 'literal'; text: string }
  | { kind: 'string'; sql: string; nullable: boolean }
  | { kind: 'number'; sql: string; nullable: boolean; literal?: boolean }
  | { kind: 'boolean'; sql: string };

/** A part of the expression that one row cannot answer. */
export class NotInRow extends Error {
  readonly offset: number;
  readonly length: number;

  constructor(reason: string, at: { offset: number; length: number }) {
    super(reason);
    this.offset = at.offset;
    this.length = at.length;
  }
}

/** The value can be NULL: the leaf may be absent. */
export function isNullable(value: SqlValue): boolean {
  switch (value.kind) {
    case 'column':
    case 'array':
      return !value.column.notNull;
    case 'string':
    case 'number':
      return value.nullable;
    default:
      return false;
  }
}

/** `false` instead of NULL: a comparison with a leaf that is absent is false in XPath. */
export function orFalse(condition: string, operands: readonly SqlValue[]): string {
  return operands.some(isNullable) ? `coalesce(${condition}, false)` : `(${condition})`;
}
