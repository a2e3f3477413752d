import type { GroupPolicy, RowVersion, Value } from '../../src/merge/types.ts';
import { happenedBefore } from './ledger.ts';
import type { Write } from './ledger.ts';
import type { Made } from './oracle.ts';
import { arrayOf, elementOf, elementsOf, entriesOf, tagsOf } from './sets.ts';

/** The row at the end, and the births of the inserts that it was made of. */
export interface End {
  row: RowVersion;
  births: ReadonlySet<bigint>;
}

/** A write of one incarnation of a row that leaves it: an insert, which found nothing, or an update. */
interface SetStep {
  made: Made;
  before: RowVersion | undefined;
  after: RowVersion;
}

function stepsOf(births: ReadonlySet<bigint>, made: readonly Made[]): SetStep[] {
  return made.flatMap((one): SetStep[] => {
    const { write } = one;
    if (write.kind === 'delete' || !births.has(write.after.birth)) return [];
    return [
      { made: one, before: write.kind === 'insert' ? undefined : write.before, after: write.after },
    ];
  });
}

/** True if the other write was made with knowledge of this one. */
function isKnown(one: SetStep, other: SetStep, order: readonly SetStep[]): boolean {
  if (one.made.by === other.made.by) return order.indexOf(one) < order.indexOf(other);
  return happenedBefore(one.made.by, other.made.by);
}

function changes(group: GroupPolicy, step: SetStep, element: string): 'added' | 'removed' | false {
  const [had, has] = [step.before, step.after].map((row) => elementsOf(group, row).has(element));
  return had === has ? false : has === true ? 'added' : 'removed';
}

/**
 * The end of a set, from what each write knew of the others. The array: an element is there if it was added
 * and, where additions win, one addition is known to no removal; where removals win, each removal is known
 * to an addition. The tags: what writes made and no write took away.
 */
export function endOfSet(
  group: GroupPolicy,
  { row: { birth }, births }: End,
  made: readonly Made[],
): { array: Value; tags: Value } {
  const steps = stepsOf(births, made);
  const all = new Set(steps.flatMap(({ after }) => [...elementsOf(group, after)]));
  const stays = [...all].filter((element) => {
    const of = (what: 'added' | 'removed'): SetStep[] =>
      steps.filter((step) => changes(group, step, element) === what);
    const [added, removed] = [of('added'), of('removed')];
    if (group.method === 'add-wins') {
      return added.some((add) => !removed.some((remove) => isKnown(add, remove, steps)));
    }
    // An element that only images of other groups' updates have was added by a write that is lost.
    return (
      added.length > 0 &&
      removed.every((remove) => added.some((add) => isKnown(remove, add, steps)))
    );
  });
  return { array: arrayOf(group, stays), tags: tagsOf(birth, entriesAtEnd(group, steps)) };
}

function entriesAtEnd(group: GroupPolicy, steps: readonly SetStep[]): Set<string> {
  const entries = new Set(
    steps.flatMap(({ before, after }) => {
      const found = before === undefined ? new Set() : entriesOf(group, before);
      return [...entriesOf(group, after)].filter((entry) => !found.has(entry));
    }),
  );
  for (const { before, after } of steps) {
    const left = entriesOf(group, after);
    for (const entry of before === undefined ? [] : entriesOf(group, before)) {
      if (!left.has(entry)) entries.delete(entry);
    }
  }
  return entries;
}

/**
 * Elements that a write added or removed, that are not so in the end, and that neither a later write
 * touched nor a record names.
 */
export function lostElements(
  parts: { group: GroupPolicy; place: number; one: Made; end: End; lossy: boolean },
  made: readonly Made[],
  records: readonly ReadonlySet<bigint | string>[],
): string[] {
  const { group, place, one, end, lossy } = parts;
  const steps = stepsOf(end.births, made);
  const step = steps.find((candidate) => candidate.made === one)!;
  const touched = new Set([...elementsOf(group, step.before), ...elementsOf(group, step.after)]);
  return [...touched].filter((element) => {
    const what = changes(group, step, element);
    if (what === false) return false;
    if (elementsOf(group, end.row).has(element) === (what === 'added')) return false;
    if (what === 'removed' && group.method === 'add-wins') {
      // The record is made where the addition was; and net changes do not tell of what a site has
      // added and removed itself.
      if (lossy || isOwn(group, step, element)) return false;
    }
    if (records.some((named) => named.has(`${place} ${element}`))) return false;
    return !steps.some(
      (other) => changes(group, other, element) !== false && isKnown(step, other, steps),
    );
  });
}

/** True for an update of a set that added nothing to it. */
export function onlyRemoves(group: GroupPolicy, write: Write): boolean {
  if (write.kind !== 'update') return false;
  const had = elementsOf(group, write.before);
  return [...elementsOf(group, write.after)].every((element) => had.has(element));
}

/** True if the element that a write removed had been added by its own site. */
function isOwn(group: GroupPolicy, { made, before }: SetStep, element: string): boolean {
  const entries = [...entriesOf(group, before!)].filter((entry) => entry.endsWith(` ${element}`));
  return entries.some(
    (entry) => Number(BigInt(entry.slice(1).split(' ')[0]!) & 2047n) === made.by.site,
  );
}

/** Array and tags after a change of a set: what stood without what the change took away, and what it made. */
export function joinedSet(
  group: GroupPolicy,
  births: { now: bigint; written: bigint },
  sides: readonly { base: Value; current: Value; incoming: Value }[],
): Value[] {
  const of = (side: 'base' | 'current' | 'incoming'): Set<string> => {
    const birth = side === 'current' ? births.now : births.written;
    const values: Value[] = [];
    for (const [at, place] of group.columns.entries()) values[place] = sides[at]![side];
    return entriesOf(group, { birth, stamps: [], values });
  };
  const [base, current, incoming] = [of('base'), of('current'), of('incoming')];
  const made = [...incoming].filter((entry) => !base.has(entry));
  const left = [...current].filter((entry) => incoming.has(entry) || !base.has(entry));
  const entries = [...new Set([...left, ...made])];
  return [arrayOf(group, thereOf(entries)), tagsOf(births.now, entries)];
}

/** The elements that entries say are there. */
export function thereOf(entries: readonly string[]): string[] {
  const out = new Set(entries.filter((entry) => entry.startsWith('-')).map(elementOf));
  return [...new Set(entries.map(elementOf))].filter((element) => !out.has(element));
}
