/**
 * YANG types as PostgreSQL types with the checks that keep their restrictions. Values are stored in their
 * canonical form (RFC 7950 §9), so that equal values are equal in SQL; types of `ietf-yang-types` and
 * `ietf-inet-types` for which PostgreSQL has a type of its own get that one.
 */
import type {
  BitsType,
  IdentityrefType,
  IntegerBase,
  ResolvedType,
  Restriction,
  StringType,
  UnionType,
} from '../../yang/schema-types.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { spanOf } from '../../yang/source.ts';
import { patternToPostgres } from '../../yang/pattern/render.ts';
import { decimalText, lengthCondition, rangeCondition } from './intervals.ts';
import { nativeType } from './native-types.ts';
import { quoteLiteral } from '../ir/names.ts';

/** What kind of SQL expression a column is, for comparisons and for methods. */
export type ValueClass = 'text' | 'number' | 'boolean' | 'binary' | 'other';

export interface ColumnType {
  /** As `format_type()` prints it. */
  sql: string;
  class: ValueClass;
  /** Conditions on an expression of this type; all of them hold for every value. */
  checks: (expression: string) => string[];
  /** The type whose values these are, behind leafrefs; undefined: presence of a container. */
  yang: ResolvedType | undefined;
}

const INTEGERS: Readonly<
  Record<IntegerBase, { sql: string; from: bigint; to: bigint; exact: boolean }>
> = {
  int8: { sql: 'smallint', from: -128n, to: 127n, exact: false },
  int16: { sql: 'smallint', from: -32768n, to: 32767n, exact: true },
  int32: { sql: 'integer', from: -2147483648n, to: 2147483647n, exact: true },
  int64: { sql: 'bigint', from: -(2n ** 63n), to: 2n ** 63n - 1n, exact: true },
  uint8: { sql: 'smallint', from: 0n, to: 255n, exact: false },
  uint16: { sql: 'integer', from: 0n, to: 65535n, exact: false },
  uint32: { sql: 'bigint', from: 0n, to: 4294967295n, exact: false },
  uint64: { sql: 'numeric(20,0)', from: 0n, to: 2n ** 64n - 1n, exact: false },
};

/** The base types of integers. */
export function isIntegerType(type: ResolvedType): type is ResolvedType & { base: IntegerBase } {
  return type.base in INTEGERS;
}

/** The smallest and greatest value of an integer base type (RFC 7950 §9.2). */
export function integerBounds(base: IntegerBase): { from: bigint; to: bigint } {
  return INTEGERS[base];
}

/** The column type of a leaf's type; undefined, with a diagnostic, when there is none. */
export function columnType(type: ResolvedType, reporter: ModelReporter): ColumnType | undefined {
  const native = nativeType(type);
  if (native !== undefined) return { ...native, class: 'other', yang: type };
  if (isIntegerType(type)) return integerType(type);
  const text = (checks: ColumnType['checks']): ColumnType => {
    return { sql: 'text', class: 'text', checks, yang: type };
  };
  switch (type.base) {
    case 'decimal64':
      return decimalType(type);
    case 'string':
      return text(stringChecks(type, reporter));
    case 'binary': {
      const checks = (x: string): string[] => length(type.length, `octet_length(${x})`);
      return { sql: 'bytea', class: 'binary', checks, yang: type };
    }
    case 'enumeration':
      return text((x) => [
        oneOf(
          x,
          type.enums.map((value) => value.name),
        ),
      ]);
    case 'bits':
      return text((x) => [bitsCondition(type, x)]);
    case 'boolean':
      return { sql: 'boolean', class: 'boolean', checks: () => [], yang: type };
    case 'empty':
      return { sql: 'boolean', class: 'boolean', checks: (x) => [x], yang: type };
    case 'identityref':
      return text(identityChecks(type, reporter));
    case 'instance-identifier':
      return text(() => []);
    case 'union':
      return unionType(type, reporter);
    case 'leafref':
      return type.target === undefined ? undefined : columnType(type.target.type, reporter);
  }
  return undefined;
}

function length(restriction: Restriction | undefined, expression: string): string[] {
  if (restriction === undefined) return [];
  const condition = lengthCondition(expression, restriction.intervals);
  return condition === undefined ? [] : [condition];
}

function integerType(type: ResolvedType & { base: IntegerBase }): ColumnType {
  const { sql, from, to, exact } = INTEGERS[type.base];
  const intervals = type.range?.intervals ?? (exact ? undefined : [{ from, to }]);
  const checks = (x: string): string[] =>
    intervals === undefined ? [] : [rangeCondition(x, intervals)];
  return { sql, class: 'number', checks, yang: type };
}

function decimalType(type: Extract<ResolvedType, { base: 'decimal64' }>): ColumnType {
  const limit = 2n ** 63n;
  const intervals = type.range?.intervals ?? [{ from: -limit, to: limit - 1n }];
  const print = (value: bigint): string => decimalText(value, type.fractionDigits);
  const checks = (x: string): string[] => [rangeCondition(x, intervals, print)];
  return { sql: `numeric(19,${type.fractionDigits})`, class: 'number', checks, yang: type };
}

function stringChecks(type: StringType, reporter: ModelReporter): ColumnType['checks'] {
  const patterns = portablePatterns(type, reporter);
  return (x) => [
    ...length(type.length, `char_length(${x})`),
    ...patterns.map(({ sql, invert }) => `${x} ${invert ? '!~' : '~'} ${quoteLiteral(sql)}`),
  ];
}

/** The patterns of a string as PostgreSQL regular expressions; one that has none is reported. */
export function portablePatterns(
  type: StringType,
  reporter: ModelReporter,
): { sql: string; invert: boolean }[] {
  return type.patterns.flatMap(({ text, invert, position }) => {
    const sql = patternToPostgres(text);
    if (sql !== undefined) return [{ sql, invert }];
    const hint = 'Counts above 255 are not possible there: use "length", or a shorter count.';
    reporter.report(
      'pattern-not-portable',
      spanOf(position, text.length),
      { pattern: text },
      { hint },
    );
    return [];
  });
}

function oneOf(expression: string, values: readonly string[]): string {
  return `${expression} IN (${values.map(quoteLiteral).join(', ')})`;
}

/** The names of the bits that are set, in the order of their positions (RFC 7950 §9.7.2). */
function bitsCondition(type: BitsType, expression: string): string {
  const parts = type.bits.map((bit) => `( ${bit.name.replaceAll('.', '\\.')})?`).join('');
  return `(${expression} = '' OR ' ' || ${expression} ~ ${quoteLiteral(`^${parts}$`)})`;
}

/** The identities that a value may be, in JSON form (RFC 7951 §6.8), in alphabetical order. */
export function identityValues(type: IdentityrefType): string[] {
  const derived = type.bases.map(
    (base) => new Set(base.derived.map((found) => `${found.module}:${found.name}`)),
  );
  return [...(derived[0] ?? [])]
    .filter((name) => derived.every((set) => set.has(name)))
    .sort((one, other) => (one < other ? -1 : 1));
}

function identityChecks(type: IdentityrefType, reporter: ModelReporter): ColumnType['checks'] {
  const values = identityValues(type);
  if (values.length === 0) {
    const base = type.bases.map((found) => found.name).join(' and ');
    const hint = 'Add the module that defines them to the files of the model.';
    reporter.report('no-identities', spanOf(type.position, 4), { base }, { hint });
  }
  return (x) => (values.length === 0 ? [] : [oneOf(x, values)]);
}

/** A union's value is stored as the text of its canonical form; it fits one of the members. */
function unionType(type: UnionType, reporter: ModelReporter): ColumnType | undefined {
  const members = type.members.map((member) => columnType(member, reporter));
  if (members.some((member) => member === undefined)) return undefined;
  const checks = (x: string): string[] => {
    const conditions = members.map((member) => memberCondition(member!, x));
    return conditions.includes('true') ? [] : [`(${conditions.join(' OR ')})`];
  };
  return { sql: 'text', class: 'text', checks, yang: type };
}

/** Numbers are cast only behind a pattern: CASE fixes the order of evaluation (manual, 4.2.14). */
function memberCondition(member: ColumnType, x: string): string {
  const conditions = (expression: string): string =>
    member.checks(expression).join(' AND ') || 'true';
  if (member.class === 'text') {
    const all = member.checks(x);
    return all.length > 1 ? `(${all.join(' AND ')})` : (all[0] ?? 'true');
  }
  if (member.class === 'number') {
    const inner = conditions(`${x}::numeric`);
    const pattern = `'^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$'`;
    return `CASE WHEN ${x} ~ ${pattern} THEN ${inner} ELSE false END`;
  }
  if (member.class === 'boolean') {
    return member.yang?.base === 'empty' ? `${x} = ''` : `${x} IN ('true', 'false')`;
  }
  return member.class === 'binary' ? `${x} ~ '^[A-Za-z0-9+/]*={0,2}$'` : textOfNative(member, x);
}

function textOfNative(member: ColumnType, x: string): string {
  const type = member.yang;
  if (type?.base !== 'string') return 'true';
  const patterns = type.patterns.map(({ text, invert }) => {
    return `${x} ${invert ? '!~' : '~'} ${quoteLiteral(patternToPostgres(text) ?? '')}`;
  });
  return patterns.join(' AND ') || 'true';
}
