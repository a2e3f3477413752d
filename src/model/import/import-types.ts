/** PostgreSQL types as YANG types, for models that adopt tables. */

export interface ImportedType {
  /** The lines behind `type `. */
  yang: string[];
  isList: boolean;
  /** The type that the compiler would make of it; another one needs `crp:sql-type`. */
  sql: string;
}

const SIMPLE: Readonly<Record<string, readonly [yang: string, sql: string]>> = {
  smallint: ['int16;', 'smallint'],
  integer: ['int32;', 'integer'],
  bigint: ['int64;', 'bigint'],
  boolean: ['boolean;', 'boolean'],
  bytea: ['binary;', 'bytea'],
  text: ['string;', 'text'],
  uuid: ['yang:uuid;', 'uuid'],
  macaddr: ['yang:mac-address;', 'macaddr'],
  'timestamp with time zone': ['yang:date-and-time;', 'timestamp with time zone'],
};

/** decimal64 holds 19 digits, of which 1 to 18 are fractional (RFC 7950 §9.3). */
const MAX_DIGITS = 19;
const MAX_FRACTION = 18;

/** The YANG type whose values are those of a type as `format_type()` prints it. */
export function importedType(type: string): ImportedType {
  if (type.endsWith('[]')) {
    const element = importedType(type.slice(0, -2));
    return { ...element, isList: true, sql: `${element.sql}[]` };
  }
  const simple = Object.hasOwn(SIMPLE, type) ? SIMPLE[type] : undefined;
  if (simple !== undefined) return { yang: [simple[0]], isList: false, sql: simple[1] };
  return varying(type) ?? decimal(type) ?? { yang: ['string;'], isList: false, sql: 'text' };
}

function varying(type: string): ImportedType | undefined {
  const length = /^character(?: varying)?\((\d+)\)$/.exec(type)?.[1];
  if (length === undefined) return undefined;
  return { yang: ['string {', `  length "0..${length}";`, '}'], isList: false, sql: 'text' };
}

function decimal(type: string): ImportedType | undefined {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(type) ?? [];
  if (precision === undefined || scale === undefined) return undefined;
  if (Number(precision) > MAX_DIGITS || Number(scale) < 1 || Number(scale) > MAX_FRACTION) {
    return undefined;
  }
  return {
    yang: ['decimal64 {', `  fraction-digits ${scale};`, '}'],
    isList: false,
    sql: `numeric(${MAX_DIGITS},${scale})`,
  };
}
