/**
 * A leaf-list as an array column: a set of values, merged as one. The conditions on its elements are on the
 * whole array, since a CHECK can hold no subquery.
 */
import type { LeafListNode } from '../../yang/schema.ts';
import type { StringType } from '../../yang/schema-types.ts';
import { patternToPostgres } from '../../yang/pattern/render.ts';
import { spanOf } from '../../yang/source.ts';
import type { ColumnType } from './column-type.ts';
import { isIntegerType } from './column-type.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { quoteLiteral } from '../ir/names.ts';

/**
 * Stands between the elements where a pattern is tried on all of them at once: no value of YANG holds
 * this character (RFC 7950 §9.4).
 */
const SEPARATOR = '\\u001f';
const SEPARATOR_SQL = `U&'\\001f'`;
/** PostgreSQL's greatest count in a regular expression (DUPMAX). */
const MAX_COUNT = 255n;

/** The array type of a leaf-list whose elements have this type. */
export function arrayType(
  node: LeafListNode,
  element: ColumnType,
  reporter: ModelReporter,
): ColumnType {
  const conditions = elementChecks(node, element, reporter);
  return {
    sql: `${element.sql}[]`,
    class: 'other',
    yang: element.yang,
    checks: (x) => [
      // An array with bounds of its own or of two dimensions would be another value for the same set.
      `(array_ndims(${x}) IS NULL OR array_ndims(${x}) = 1 AND array_lower(${x}, 1) = 1)`,
      ...countChecks(node, x),
      ...(node.config ? [`(cardinality(${x}) < 2 OR crp.is_set(${x}))`] : []),
      `array_position(${x}, NULL) IS NULL`,
      ...conditions(x),
    ],
  };
}

function countChecks(node: LeafListNode, x: string): string[] {
  const checks: string[] = [];
  if (node.minElements > 0) checks.push(`cardinality(${x}) >= ${node.minElements}`);
  if (node.maxElements !== 'unbounded') checks.push(`cardinality(${x}) <= ${node.maxElements}`);
  return checks;
}

function elementChecks(
  node: LeafListNode,
  element: ColumnType,
  reporter: ModelReporter,
): (x: string) => string[] {
  const type = element.yang!;
  if (type.base === 'string' && element.class === 'text') return stringElements(type);
  if (type.base === 'enumeration') {
    const values = type.enums.map((value) => quoteLiteral(value.name)).join(', ');
    return (x) => [`${x} <@ ARRAY[${values}]`];
  }
  if (isIntegerType(type) || type.base === 'decimal64') {
    const checks = element.checks('x').map((check) => /^x BETWEEN (\S+) AND (\S+)$/.exec(check));
    if (checks.every((check) => check !== null)) {
      return (x) =>
        checks.flatMap((check) => [`${check![1]} <= ALL (${x})`, `${check![2]} >= ALL (${x})`]);
    }
  } else if (element.checks('x').length === 0) return () => [];
  const reason = { kind: 'leaf-list', name: node.name };
  const hint = `The restrictions of type ${type.base} cannot be checked in an array: make it an entity.`;
  reporter.report('node-kind', spanOf(node.position, node.statement.keyword.length), reason, {
    hint,
  });
  return () => [];
}

/** Lengths and patterns of all elements as regular expressions over the joined array. */
function stringElements(type: StringType): (x: string) => string[] {
  const wanted: string[] = [];
  const unwanted: string[] = [];
  for (const { from, to } of type.length?.intervals ?? []) {
    if (
      type.length!.intervals.length === 1 &&
      from <= MAX_COUNT &&
      !(from <= 1n && to > MAX_COUNT)
    ) {
      wanted.push(`[^${SEPARATOR}]{${from},${to > MAX_COUNT ? '' : to}}`);
    }
  }
  for (const { text, invert } of type.patterns) {
    const sql = patternToPostgres(text)?.slice('^(?:'.length, -')$'.length);
    if (sql !== undefined) (invert ? unwanted : wanted).push(`(?:${sql})`);
  }
  const notEmpty = type.length?.intervals.every(({ from }) => from > 0n) === true;
  return (x) => {
    const joined = `array_to_string(${x}, ${SEPARATOR_SQL})`;
    return [
      ...(notEmpty ? [`'' <> ALL (${x})`] : []),
      ...wanted.map((one) => `${joined} ~ ${quoteLiteral(`^(?:${one}(?:${SEPARATOR}${one})*)?$`)}`),
      ...unwanted.map(
        (one) => `${joined} !~ ${quoteLiteral(`(?:^|${SEPARATOR})${one}(?:$|${SEPARATOR})`)}`,
      ),
    ];
  };
}
