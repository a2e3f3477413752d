/** SQL names (PostgreSQL manual, 4.1.1): unquoted-friendly, and never longer than PostgreSQL keeps. */
import { createHash } from 'node:crypto';

/** NAMEDATALEN − 1 of a default build, in bytes. */
const MAX_BYTES = 63;
/** Hexadecimal digits of the hash that a shortened name ends with. */
const HASH_DIGITS = 7;

/** Begins the names of the columns that replication adds. */
export const RESERVED_PREFIX = '_crp_';

/** The name of a table, sequence or function, with that of its schema. */
export interface SqlName {
  schema: string;
  name: string;
}

/**
 * An SQL name made of the parts of a YANG name: `-` and `.` become `_`, letters lower case. A name longer than
 * 63 bytes keeps its beginning and ends with 7 digits of the hash of the whole, so that two long names
 * stay different.
 */
export function sqlName(...parts: string[]): string {
  const name = parts.join('_').replaceAll(/[-.]/g, '_').toLowerCase();
  if (Buffer.byteLength(name) <= MAX_BYTES) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, MAX_BYTES - HASH_DIGITS - 1)}_${digest}`;
}

/** An SQL identifier in double quotes (PostgreSQL manual, 4.1.1). */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL string constant (PostgreSQL manual, 4.1.2.1); text with backslashes needs no escape syntax. */
export function quoteLiteral(text: string): string {
  return `'${inLiteral(text)}'`;
}

/** Text as a part of an SQL string constant. */
export function inLiteral(text: string): string {
  return text.replaceAll("'", "''");
}

/** Text as a part of the string constant that is the format of a RAISE. */
export function inFormat(text: string): string {
  return inLiteral(text).replaceAll('%', '%%');
}

/**
 * SQL of a function or of a DO block as a dollar-quoted constant (PostgreSQL manual, 4.1.2.4), by a tag that does not end it
 * in the middle: a table that is adopted, or a column of it, may be called `$crp$`, or worse.
 */
export function dollarQuote(sql: string): string {
  let tag = '$crp$';
  // The end of the text and the tag after it must not be one either.
  for (let n = 1; `${sql}$`.includes(tag); n++) tag = `$crp${n}$`;
  return tag + sql + tag;
}
