/** Places in the tree of a file's statements. */
import type { Position, Span } from '../yang/source.ts';
import type { Statement } from '../yang/statement.ts';
import { findSubstatements, keywordSpan, substatementArgument } from '../yang/statement.ts';
import { CRP_MODULE } from '../model/statements/crp-statements.ts';

/** A line and column as in `Position`. */
export type Place = Pick<Position, 'line' | 'column'>;

function isBefore(one: Place, other: Place): boolean {
  return one.line < other.line || (one.line === other.line && one.column < other.column);
}

function isIn(place: Place, { start, end }: Span): boolean {
  return !isBefore(place, start) && !isBefore(end, place);
}

/** A statement whose block is not closed reaches as far as what is in it. */
function extentOf(statement: Statement): Span {
  const last = statement.substatements.at(-1);
  const inner = last === undefined ? statement.end : extentOf(last).end;
  const end = isBefore(statement.end, inner) ? inner : statement.end;
  return { start: statement.position, end };
}

/** The statements that a place is in, outermost first; empty outside of the module. */
export function statementsAt(root: Statement | undefined, place: Place): Statement[] {
  const found: Statement[] = [];
  let at = root;
  while (at !== undefined && isIn(place, extentOf(at))) {
    found.push(at);
    at = at.substatements.find((child) => isIn(place, extentOf(child)));
  }
  return found;
}

/** The statements that begin at places, each in the one before; as far as there are such. */
export function statementsFrom(root: Statement | undefined, places: readonly Place[]): Statement[] {
  const found: Statement[] = [];
  let candidates = root === undefined ? [] : [root];
  for (const { line, column } of places) {
    const next = candidates.find(
      ({ position }) => position.line === line && position.column === column,
    );
    if (next === undefined) break;
    found.push(next);
    candidates = next.substatements;
  }
  return found;
}

/** What of a statement's head a place is on; undefined between and behind them. */
export function partAt(statement: Statement, place: Place): 'keyword' | 'argument' | undefined {
  const keyword = keywordSpan(statement);
  if (isIn(place, keyword)) return 'keyword';
  if (statement.argument === undefined) return undefined;
  return isIn(place, { start: keyword.end, end: statement.headEnd }) ? 'argument' : undefined;
}

/** The prefixes under which a file imports `common-replication`; usually `crp` alone. */
export function crpPrefixes(root: Statement | undefined): string[] {
  if (root === undefined) return [];
  return findSubstatements(root, 'import')
    .filter((one) => one.argument === CRP_MODULE)
    .flatMap((one) => substatementArgument(one, 'prefix') ?? []);
}

/** A keyword as the table of places has it: `crp:entity` whatever the file's prefix; others as written. */
export function placeOf(keyword: string, prefixes: readonly string[]): string {
  const [prefix, name] = keyword.split(':');
  return name !== undefined && prefixes.includes(prefix!) ? `crp:${name}` : keyword;
}
