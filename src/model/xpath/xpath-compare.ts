/** Comparisons and conversions of XPath 1.0 §3.4, §4.2–4.4 on values of a row. */
import type { BoundXPath } from '../../yang/schema.ts';
import type { Located } from '../../yang/xpath/ast.ts';
import { ident, quoteLiteral } from '../ir/names.ts';
import type { SqlValue } from './xpath-values.ts';
import { isNullable, NotInRow, orFalse } from './xpath-values.ts';

type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

interface Operands {
  left: SqlValue;
  right: SqlValue;
  at: Located;
  xpath: BoundXPath;
}

const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** The comparison as SQL that is never NULL. */
export function compareValues(operator: Comparison, operands: Operands): string {
  const { left, right } = operands;
  if (left.kind === 'boolean' || right.kind === 'boolean')
    return compareBooleans(operator, operands);
  if (left.kind === 'present' || right.kind === 'present') {
    throw new NotInRow('a container or list has no value to compare', operands.at);
  }
  if (left.kind === 'literal' && right.kind !== 'literal') {
    return compareValues(MIRRORED[operator], { ...operands, left: right, right: left });
  }
  if (right.kind === 'array' && left.kind !== 'array') {
    return compareValues(MIRRORED[operator], { ...operands, left: right, right: left });
  }
  if (left.kind === 'array') return compareArray(operator, operands);
  if (operator !== '=' && operator !== '!=') return compareNumbers(operator, operands);
  return compareEqual(operator, operands);
}

const sqlOperator = (operator: Comparison): string => (operator === '!=' ? '<>' : operator);

function compareBooleans(operator: Comparison, { left, right, at }: Operands): string {
  if (operator !== '=' && operator !== '!=') {
    throw new NotInRow('booleans have no order in SQL as they have in XPath', at);
  }
  return `(${toBoolean(left)} ${sqlOperator(operator)} ${toBoolean(right)})`;
}

function compareNumbers(operator: Comparison, { left, right, at }: Operands): string {
  // Columns alone need no widening: PostgreSQL compares integers of all widths exactly.
  const operands = [left, right].map((value) => {
    const number = toNumber(value, at);
    return value.kind === 'column' ? { ...number, sql: value.sql } : number;
  });
  const [one, other] = operands;
  return orFalse(`${one!.sql} ${sqlOperator(operator)} ${other!.sql}`, operands);
}

/** True if any element compares so (XPath 1.0 §3.4). */
function compareArray(operator: Comparison, { left, right, at, xpath }: Operands): string {
  if (left.kind !== 'array' || right.kind === 'array') {
    throw new NotInRow('two leaf-lists cannot be compared', at);
  }
  const element =
    right.kind === 'literal' ? (literalFor(left, right.text, xpath) ?? 'NULL') : sqlOf(right, at);
  const comparison = `${element} ${sqlOperator(MIRRORED[operator])} ANY (${left.sql})`;
  return orFalse(comparison, [left, right]);
}

function compareEqual(operator: Comparison, operands: Operands): string {
  const { left, right, at, xpath } = operands;
  if (left.kind === 'number' || right.kind === 'number') return compareNumbers(operator, operands);
  if (left.kind === 'literal' && right.kind === 'literal') {
    return (left.text === right.text) === (operator === '=') ? 'true' : 'false';
  }
  if (left.kind === 'column' && right.kind === 'column') {
    if (left.column.type.sql !== right.column.type.sql && !bothNumbers(left, right)) {
      throw new NotInRow('the two leafs have different types', at);
    }
  }
  const other = right.kind === 'literal' ? literalFor(left, right.text, xpath) : sqlOf(right, at);
  // What no value of the type is: never equal, and different from whatever is there.
  if (other === undefined) return operator === '=' ? 'false' : toBoolean(left);
  return orFalse(`${sqlOf(left, at)} ${sqlOperator(operator)} ${other}`, [left, right]);
}

function bothNumbers(left: SqlValue, right: SqlValue): boolean {
  return [left, right].every(
    (value) => value.kind === 'column' && value.column.type.class === 'number',
  );
}

function sqlOf(value: SqlValue, at: Located): string {
  if (value.kind === 'literal') return quoteLiteral(value.text);
  if (value.kind === 'present') throw new NotInRow('a container or list has no value', at);
  return value.sql;
}

/** A string constant as a constant of the column's type; undefined when it is no value of it. */
function literalFor(value: SqlValue, text: string, xpath: BoundXPath): string | undefined {
  if (value.kind !== 'column' && value.kind !== 'array') return quoteLiteral(text);
  const { type } = value.column;
  if (type.yang?.base === 'identityref') return quoteLiteral(identityName(text, xpath));
  if (value.kind === 'column' && type.class === 'boolean') {
    return text === 'true' || text === 'false' ? text : undefined;
  }
  if (value.kind === 'column' && type.class === 'number') {
    return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined;
  }
  return quoteLiteral(text);
}

/** `prefix:name` as written in the model to `module:name`, the canonical form in JSON (RFC 7951 §6.8). */
export function identityName(text: string, xpath: BoundXPath): string {
  const [prefix, name] = text.includes(':') ? text.split(':') : [undefined, text];
  return `${xpath.scope.resolve(prefix)?.name ?? prefix ?? ''}:${name}`;
}

/** boolean() of a value: a node-set is true if it has a node. */
export function toBoolean(value: SqlValue): string {
  switch (value.kind) {
    case 'boolean':
      return value.sql;
    case 'present':
      return 'true';
    case 'literal':
      return value.text === '' ? 'false' : 'true';
    case 'string':
      return orFalse(`${value.sql} <> ''`, [value]);
    case 'number':
      return orFalse(`${value.sql} <> 0`, [value]);
    case 'array':
      return orFalse(`cardinality(${value.sql}) > 0`, [value]);
    case 'column':
      if (value.column.node.kind === 'container') return ident(value.column.name);
      return value.column.notNull ? 'true' : `(${value.sql} IS NOT NULL)`;
  }
}

/** number() of a value. Columns are widened, so that sums do not overflow their type. */
export function toNumber(
  value: SqlValue,
  at: Located,
): { kind: 'number'; sql: string; nullable: boolean; literal?: boolean } {
  if (value.kind === 'number') return value;
  if (value.kind === 'literal' && /^\s*-?\d+(\.\d+)?\s*$/.test(value.text)) {
    return { kind: 'number', sql: value.text.trim(), nullable: false, literal: true };
  }
  if (value.kind === 'column' && value.column.type.class === 'number') {
    const wide = value.column.type.sql.startsWith('numeric');
    const sql = wide ? value.sql : `${value.sql}::numeric`;
    return { kind: 'number', sql, nullable: isNullable(value) };
  }
  throw new NotInRow('a value that is not a number is used as one', at);
}

/** string() of a value. */
export function toText(value: SqlValue, at: Located): { sql: string; nullable: boolean } {
  if (value.kind === 'literal') return { sql: quoteLiteral(value.text), nullable: false };
  if (value.kind === 'string') return value;
  if (value.kind === 'column' && value.column.type.class === 'text') {
    return { sql: value.sql, nullable: isNullable(value) };
  }
  if (value.kind === 'column' && value.column.type.class !== 'binary') {
    return { sql: `${value.sql}::text`, nullable: isNullable(value) };
  }
  throw new NotInRow('a value that is not text is used as text', at);
}
