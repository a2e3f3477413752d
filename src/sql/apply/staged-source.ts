import { STAGE } from '../names/shape.ts';
import type { Shape } from '../names/shape.ts';

/** Where the staged rows come from: a table's name, or an `unnest(…)` call. */
export interface Source {
  /** SQL of a FROM item whose alias is `s`. */
  from: string;
  /** Restricts the statement to ordinals `$lo..$hi`; used when a failing row must be found. */
  range?: { lo: string; hi: string };
}

/** The condition that a staged row is of a kind and, if so asked, of a range. */
export function ofKind(source: Source, kind: 'I' | 'U' | 'D'): string {
  const range =
    source.range === undefined
      ? ''
      : ` AND s.${STAGE.index} BETWEEN ${source.range.lo} AND ${source.range.hi}`;
  return `s.${STAGE.op} = '${kind}'${range}`;
}

/** A condition that counts only where a staged update changes the group. With one group every staged update changes it, and the mask need not be looked at. */
export function ifChanged(
  shape: Shape,
  group: number,
  condition: string,
  how: 'OR' | 'AND',
): string {
  if (shape.entity.groups.length === 1) return condition;
  const test = how === 'OR' ? '=' : '<>';
  return `(s.${STAGE.mask} & ${1 << group} ${test} 0 ${how} ${condition})`;
}
