/** Functions of XPath 1.0 §4 and of YANG (RFC 7950 §10) that one row can answer. */
import type { CallExpression, Expression } from '../../yang/xpath/ast.ts';
import { patternToPostgres } from '../../yang/pattern/render.ts';
import { quoteLiteral } from '../ir/names.ts';
import { identityName, toBoolean, toNumber, toText } from './xpath-compare.ts';
import type { ConditionCompiler } from './xpath-sql.ts';
import type { SqlValue } from './xpath-values.ts';
import { isNullable, NotInRow, orFalse } from './xpath-values.ts';

type Translate = (call: CallExpression, compiler: ConditionCompiler) => SqlValue;

/** The call as SQL. */
export function callFunction(call: CallExpression, compiler: ConditionCompiler): SqlValue {
  const translate = Object.hasOwn(FUNCTIONS, call.name) ? FUNCTIONS[call.name] : undefined;
  if (translate === undefined) {
    throw new NotInRow(`function ${call.name}() has no counterpart in a row's check`, call);
  }
  return translate(call, compiler);
}

function argument(call: CallExpression, index: number): Expression {
  const found = call.arguments[index];
  if (found === undefined) throw new NotInRow(`${call.name}() needs more arguments`, call);
  return found;
}

function text(call: CallExpression, compiler: ConditionCompiler, index: number) {
  const expression = argument(call, index);
  return toText(compiler.value(expression), expression);
}

/** A condition on two texts; XPath takes an absent node as the empty string. */
function onTexts(sql: (one: string, other: string) => string): Translate {
  return (call, compiler) => {
    const [one, other] = [text(call, compiler, 0), text(call, compiler, 1)].map((found) =>
      found.nullable ? `coalesce(${found.sql}, '')` : found.sql,
    );
    return { kind: 'boolean', sql: sql(one!, other!) };
  };
}

function numeric(name: string): Translate {
  return (call, compiler) => {
    const found = toNumber(compiler.value(argument(call, 0)), call);
    return { ...found, sql: `${name}(${found.sql})`, literal: false };
  };
}

function literalText(call: CallExpression, index: number): string {
  const found = argument(call, index);
  if (found.kind !== 'literal') throw new NotInRow(`${call.name}() needs a constant here`, found);
  return found.value;
}

function columnValue(
  call: CallExpression,
  compiler: ConditionCompiler,
): Extract<SqlValue, { kind: 'column' }> {
  const value = compiler.value(argument(call, 0));
  if (value.kind !== 'column') throw new NotInRow(`${call.name}() needs a leaf`, call);
  return value;
}

function derivedFrom(orSelf: boolean): Translate {
  return (call, compiler) => {
    const value = columnValue(call, compiler);
    const type = value.column.type.yang;
    if (type?.base !== 'identityref') throw new NotInRow('the leaf is not an identityref', call);
    const wanted = identityName(literalText(call, 1), compiler.xpath);
    const known = type.bases.flatMap((base) => [base, ...base.derived]);
    const base = known.find((found) => `${found.module}:${found.name}` === wanted);
    if (base === undefined) return { kind: 'boolean', sql: 'false' };
    const names = base.derived.map((found) => `${found.module}:${found.name}`);
    const list = [...(orSelf ? [wanted] : []), ...names].map(quoteLiteral).join(', ');
    const sql = list === '' ? 'false' : orFalse(`${value.sql} IN (${list})`, [value]);
    return { kind: 'boolean', sql };
  };
}

const FUNCTIONS: Readonly<Record<string, Translate>> = {
  true: () => ({ kind: 'boolean', sql: 'true' }),
  false: () => ({ kind: 'boolean', sql: 'false' }),
  not: (call, compiler) => {
    return { kind: 'boolean', sql: `(NOT ${toBoolean(compiler.value(argument(call, 0)))})` };
  },
  boolean: (call, compiler) => {
    return { kind: 'boolean', sql: toBoolean(compiler.value(argument(call, 0))) };
  },
  number: (call, compiler) => toNumber(compiler.value(argument(call, 0)), call),
  string: (call, compiler) => ({ kind: 'string', ...text(call, compiler, 0) }),
  floor: numeric('floor'),
  ceiling: numeric('ceil'),
  // XPath rounds halves up, PostgreSQL away from zero.
  round: (call, compiler) => {
    const found = toNumber(compiler.value(argument(call, 0)), call);
    return { ...found, sql: `floor(${found.sql} + 0.5)`, literal: false };
  },
  count: (call, compiler) => {
    const value = compiler.value(argument(call, 0));
    if (value.kind === 'array') {
      const sql = `cardinality(${value.sql})`;
      const nullable = isNullable(value);
      return { kind: 'number', sql: nullable ? `coalesce(${sql}, 0)` : sql, nullable: false };
    }
    return { kind: 'number', sql: `(${toBoolean(value)})::integer`, nullable: false };
  },
  'string-length': (call, compiler) => {
    const { sql, nullable } = text(call, compiler, 0);
    const counted = nullable ? `coalesce(${sql}, '')` : sql;
    return { kind: 'number', sql: `char_length(${counted})`, nullable: false };
  },
  'starts-with': onTexts((one, other) => `starts_with(${one}, ${other})`),
  contains: onTexts((one, other) => `(strpos(${one}, ${other}) > 0)`),
  concat: (call, compiler) => {
    const parts = call.arguments.map((_, index) => text(call, compiler, index).sql);
    return { kind: 'string', sql: `concat(${parts.join(', ')})`, nullable: false };
  },
  translate: (call, compiler) => {
    const [one, from, to] = [0, 1, 2].map((index) => text(call, compiler, index));
    const sql = `translate(${one!.sql}, ${from!.sql}, ${to!.sql})`;
    return { kind: 'string', sql, nullable: one!.nullable };
  },
  're-match': (call, compiler) => {
    const value = text(call, compiler, 0);
    const pattern = patternToPostgres(literalText(call, 1));
    if (pattern === undefined) throw new NotInRow('the pattern is not possible in SQL', call);
    const subject = value.nullable ? `coalesce(${value.sql}, '')` : value.sql;
    return { kind: 'boolean', sql: `(${subject} ~ ${quoteLiteral(pattern)})` };
  },
  'derived-from': derivedFrom(false),
  'derived-from-or-self': derivedFrom(true),
  'enum-value': (call, compiler) => {
    const value = columnValue(call, compiler);
    const type = value.column.type.yang;
    if (type?.base !== 'enumeration') throw new NotInRow('the leaf is not an enumeration', call);
    const cases = type.enums.map((one) => `WHEN ${quoteLiteral(one.name)} THEN ${one.value}`);
    return { kind: 'number', sql: `CASE ${value.sql} ${cases.join(' ')} END`, nullable: true };
  },
  'bit-is-set': (call, compiler) => {
    const value = columnValue(call, compiler);
    const bit = quoteLiteral(literalText(call, 1));
    const sql = orFalse(`${bit} = ANY (string_to_array(${value.sql}, ' '))`, [value]);
    return { kind: 'boolean', sql };
  },
};
