import type { WrittenBound, WrittenInterval } from '../grammar/intervals.ts';
import { parseIntervals } from '../grammar/intervals.ts';
import type { Interval, Pattern, Restriction } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import {
  argumentPosition,
  argumentSlice,
  findSubstatement,
  substatementArgument,
} from '../statement.ts';
import { patternToRegExp } from '../pattern/render.ts';
import { formatDecimal } from '../types/bounds.ts';
import { extensionsIn } from './extensions.ts';
import type { Session } from './session.ts';
import type { Scope } from './unit.ts';

/** What a new restriction has to stay within. */
export interface RestrictionBase {
  /** The intervals of the type that is restricted. */
  intervals: readonly Interval[];
  /** Digits behind the point of a decimal64; 0 for integers and lengths. */
  scale: number;
}

/** Works out a `range` or `length` statement (RFC 7950 §9.2.4, §9.4.4); undefined when it is wrong. */
export function narrow(
  session: Session,
  statement: Statement,
  { base, scope }: { base: RestrictionBase; scope: Scope },
): Restriction | undefined {
  const kind = statement.keyword === 'length' ? 'length' : 'range';
  const parsed = parseIntervals(statement.argument ?? '', kind);
  if (!parsed.ok) return undefined;
  const intervals: Interval[] = [];
  for (const written of parsed.value) {
    const interval = resolveInterval(session, statement, { written, base });
    if (interval === undefined) return undefined;
    if (!checkInterval(session, statement, { written, interval, before: intervals.at(-1), base })) {
      return undefined;
    }
    intervals.push(interval);
  }
  return {
    intervals,
    text: statement.argument ?? '',
    position: argumentPosition(statement),
    errorMessage: substatementArgument(statement, 'error-message'),
    errorAppTag: substatementArgument(statement, 'error-app-tag'),
    extensions: extensionsIn(session, statement, scope),
  };
}

function resolveInterval(
  session: Session,
  statement: Statement,
  { written, base }: { written: WrittenInterval; base: RestrictionBase },
): Interval | undefined {
  const from = resolveBound(written.from, base);
  const to = resolveBound(written.to, base);
  if (from !== undefined && to !== undefined) return { from, to };
  const span = argumentSlice(statement, { offset: written.offset, length: written.text.length });
  const parameters = { keyword: statement.keyword, argument: written.text };
  const hint =
    base.scale === 0
      ? 'The bounds of an integer type are integers'
      : `The type has ${base.scale} digits behind the point`;
  session.reporter.report('bad-argument', span, parameters, { hint });
  return undefined;
}

function resolveBound(bound: WrittenBound, base: RestrictionBase): bigint | undefined {
  if (bound === 'min') return base.intervals[0]!.from;
  if (bound === 'max') return base.intervals.at(-1)!.to;
  if (bound.scale > base.scale) return undefined;
  return bound.units * 10n ** BigInt(base.scale - bound.scale);
}

function checkInterval(
  session: Session,
  statement: Statement,
  found: {
    written: WrittenInterval;
    interval: Interval;
    before: Interval | undefined;
    base: RestrictionBase;
  },
): boolean {
  const { written, interval, before, base } = found;
  const span = argumentSlice(statement, { offset: written.offset, length: written.text.length });
  const restriction = statement.keyword;
  if (interval.from > interval.to || (before !== undefined && interval.from <= before.to)) {
    const parameters = { restriction, part: written.text };
    const expected = 'parts in ascending order that do not overlap';
    session.reporter.report('restriction-order', span, parameters, { expected });
    return false;
  }
  const within = mergeAdjacent(base.intervals).some(
    (outer) => outer.from <= interval.from && interval.to <= outer.to,
  );
  if (within) return true;
  const parameters = { restriction, part: written.text, base: formatIntervals(base) };
  const expected = `a part of ${formatIntervals(base)}`;
  session.reporter.report('restriction-wider', span, parameters, { expected });
  return false;
}

function mergeAdjacent(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = [];
  for (const interval of intervals) {
    const last = merged.at(-1);
    if (last !== undefined && last.to + 1n === interval.from) last.to = interval.to;
    else merged.push({ ...interval });
  }
  return merged;
}

function formatIntervals({ intervals, scale }: RestrictionBase): string {
  const show = (bound: bigint): string =>
    scale === 0 ? bound.toString() : formatDecimal(bound, scale);
  return intervals
    .map(({ from, to }) => (from === to ? show(from) : `${show(from)}..${show(to)}`))
    .join(' | ');
}

/** Makes a `pattern` statement usable; undefined when it is no pattern, which the grammar check reported. */
export function resolvePattern(
  session: Session,
  statement: Statement,
  scope: Scope,
): Pattern | undefined {
  const regExp = patternToRegExp(statement.argument ?? '');
  if (regExp === undefined) return undefined;
  return {
    text: statement.argument ?? '',
    regExp,
    invert: findSubstatement(statement, 'modifier')?.argument === 'invert-match',
    position: argumentPosition(statement),
    errorMessage: substatementArgument(statement, 'error-message'),
    errorAppTag: substatementArgument(statement, 'error-app-tag'),
    extensions: extensionsIn(session, statement, scope),
  };
}
