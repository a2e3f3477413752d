/** Whether a type takes all values of an older one, with the same meaning (RFC 7950 §11). */
import type { Interval, ResolvedType, Restriction, StringType } from '../../yang/schema-types.ts';
import { integerBounds, isIntegerType } from '../types/column-type.ts';

/** What became of a type; undefined when nothing did. */
export interface TypeChange {
  what: string;
  allowed: boolean;
}

const ALL_LENGTHS: Interval[] = [{ from: 0n, to: 2n ** 64n - 1n }];

/** Compares the types of one leaf in two revisions. */
export function compareTypes(before: ResolvedType, after: ResolvedType): TypeChange[] {
  if (before.base !== after.base) {
    return [{ what: `type ${before.base} became ${after.base}`, allowed: false }];
  }
  if (isIntegerType(before) && isIntegerType(after)) {
    const all = [integerBounds(before.base)];
    return intervals('range', [before.range, after.range], all);
  }
  if (before.base === 'decimal64' && after.base === 'decimal64') {
    if (before.fractionDigits !== after.fractionDigits) return different('fraction-digits');
    const limit = 2n ** 63n;
    return intervals('range', [before.range, after.range], [{ from: -limit, to: limit - 1n }]);
  }
  if (before.base === 'string' && after.base === 'string') {
    return [
      ...intervals('length', [before.length, after.length], ALL_LENGTHS),
      ...patterns(before, after),
    ];
  }
  if (before.base === 'binary' && after.base === 'binary') {
    return intervals('length', [before.length, after.length], ALL_LENGTHS);
  }
  if (before.base === 'enumeration' && after.base === 'enumeration') {
    const names = (type: typeof before) => type.enums.map((one) => [one.name, one.value] as const);
    return members('enum', names(before), names(after));
  }
  if (before.base === 'bits' && after.base === 'bits') {
    const names = (type: typeof before) =>
      type.bits.map((one) => [one.name, one.bitPosition] as const);
    return members('bit', names(before), names(after));
  }
  return compareReferences(before, after);
}

function compareReferences(before: ResolvedType, after: ResolvedType): TypeChange[] {
  if (before.base === 'leafref' && after.base === 'leafref') {
    if (before.path.text !== after.path.text) return different('path');
    if (before.requireInstance === after.requireInstance) return [];
    const what = `require-instance became ${after.requireInstance}`;
    return [{ what, allowed: !after.requireInstance }];
  }
  if (before.base === 'identityref' && after.base === 'identityref') {
    const old = new Set(before.bases.map((base) => `${base.module}:${base.name}`));
    const added = after.bases.filter((base) => !old.has(`${base.module}:${base.name}`));
    if (added.length > 0) return [{ what: `base ${added[0]!.name} added`, allowed: false }];
    return after.bases.length < old.size ? [{ what: 'base removed', allowed: true }] : [];
  }
  if (before.base === 'union' && after.base === 'union') {
    const changes = before.members.flatMap((member, index) => {
      const other = after.members[index];
      return other === undefined
        ? [{ what: `member ${index + 1} of the union removed`, allowed: false }]
        : compareTypes(member, other);
    });
    if (after.members.length <= before.members.length) return changes;
    return [...changes, { what: 'members added at the end of the union', allowed: true }];
  }
  return [];
}

function different(what: string): TypeChange[] {
  return [{ what: `${what} changed`, allowed: false }];
}

function intervals(
  name: string,
  [before, after]: [Restriction | undefined, Restriction | undefined],
  all: Interval[],
): TypeChange[] {
  const old = before?.intervals ?? all;
  const now = after?.intervals ?? all;
  const covers = (wide: Interval[], narrow: Interval[]): boolean =>
    narrow.every((one) => wide.some(({ from, to }) => from <= one.from && one.to <= to));
  const wider = covers(now, old);
  if (wider && covers(old, now)) return [];
  return [{ what: `${name} ${wider ? 'widened' : 'narrowed'}`, allowed: wider }];
}

function patterns(before: StringType, after: StringType): TypeChange[] {
  const texts = (type: StringType) => type.patterns.map((one) => `${one.invert}:${one.text}`);
  const [old, now] = [texts(before), texts(after)];
  const added = now.filter((text) => !old.includes(text));
  const removed = old.filter((text) => !now.includes(text));
  if (added.length > 0) return [{ what: 'pattern added or changed', allowed: false }];
  return removed.length > 0 ? [{ what: 'pattern removed', allowed: true }] : [];
}

function members(
  what: string,
  before: readonly (readonly [string, number])[],
  after: readonly (readonly [string, number])[],
): TypeChange[] {
  const now = new Map(after);
  const old = new Map(before);
  const lost = before.filter(([name]) => !now.has(name));
  const moved = before.filter(([name, value]) => now.has(name) && now.get(name) !== value);
  const added = after.filter(([name]) => !old.has(name));
  return [
    ...lost.map(([name]) => ({ what: `${what} "${name}" removed`, allowed: false })),
    ...moved.map(([name]) => ({ what: `${what} "${name}" has another value`, allowed: false })),
    ...added.map(([name]) => ({ what: `${what} "${name}" added`, allowed: true })),
  ];
}
