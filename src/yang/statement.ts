import type { Position, Span } from './source.ts';
import { spanOf } from './source.ts';

/**
 * A statement as it stands in its file (RFC 7950 §6.3), before anything is resolved: keyword, argument,
 * substatements, and where each of them is.
 */
export interface Statement {
  /** The keyword as written: `leaf`, or `crp:entity` for an extension's statement. */
  keyword: string;
  /** Prefix of an extension's statement; undefined for YANG's own statements. */
  prefix: string | undefined;
  /** The keyword without its prefix. */
  name: string;
  /** The argument after unquoting, trimming and concatenation (RFC 7950 §6.1.3). */
  argument: string | undefined;
  /** Where the keyword begins. */
  position: Position;
  /** Where each part of the argument begins, in order; empty without an argument. */
  argumentParts: readonly ArgumentPart[];
  /** Just behind the written argument, or behind the keyword when there is none. */
  headEnd: Position;
  /** Just behind the closing `;` or `}`. */
  end: Position;
  substatements: Statement[];
}

/** From `offset` in the decoded argument on, the text stands at `position`, until the next part begins. */
export interface ArgumentPart {
  offset: number;
  position: Position;
}

/** The place of the argument's character number `offset` in the file, through quotes and line breaks. */
export function argumentPosition(statement: Statement, offset = 0): Position {
  let found: ArgumentPart | undefined;
  for (const part of statement.argumentParts) {
    if (part.offset > offset && found !== undefined) break;
    found = part;
  }
  if (found === undefined) return statement.position;
  return { ...found.position, column: found.position.column + Math.max(0, offset - found.offset) };
}

/** The written argument, quotes excluded at its start; the keyword when there is no argument. */
export function argumentSpan(statement: Statement): Span {
  if (statement.argument === undefined) return keywordSpan(statement);
  return { start: argumentPosition(statement), end: statement.headEnd };
}

/** `length` characters of the argument from `offset` on. */
export function argumentSlice(
  statement: Statement,
  range: { offset: number; length: number },
): Span {
  const start = argumentPosition(statement, range.offset);
  // Where an argument goes over several lines its end is on another one.
  const last = argumentPosition(statement, range.offset + Math.max(1, range.length) - 1);
  return { start, end: { ...last, column: last.column + 1 } };
}

export function keywordSpan(statement: Statement): Span {
  return spanOf(statement.position, statement.keyword.length);
}

/** The first substatement with one of YANG's own keywords. */
export function findSubstatement(statement: Statement, keyword: string): Statement | undefined {
  return statement.substatements.find((child) => child.keyword === keyword);
}

/** All substatements with one of YANG's own keywords, in the order of the file. */
export function findSubstatements(statement: Statement, keyword: string): Statement[] {
  return statement.substatements.filter((child) => child.keyword === keyword);
}

/** The argument of the first substatement with this keyword. */
export function substatementArgument(statement: Statement, keyword: string): string | undefined {
  return findSubstatement(statement, keyword)?.argument;
}
