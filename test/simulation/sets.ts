import { formatArray, parseArray } from '../../src/merge/array-text.ts';
import type { GroupPolicy, RowVersion, Value } from '../../src/merge/types.ts';
import type { Planted } from './planted.ts';

/** Elements that services add and remove; in the text form of an array some need quotes. */
const NUMBERS = ['1', '2', '10', '30'];
const TEXTS = ['a', 'b c', 'NULL', 'q"\\'];

function poolOf(group: GroupPolicy): readonly string[] {
  return group.set!.numbers ? NUMBERS : TEXTS;
}

/** The elements of a set in a row. */
export function elementsOf(group: GroupPolicy, row: RowVersion | undefined): ReadonlySet<string> {
  const array = row?.values[group.columns[0]!] ?? null;
  return new Set(array === null ? [] : parseArray(array));
}

/** What a service inserts: some of the elements, in any order. */
export function firstSet(group: GroupPolicy, number: number): string[] {
  return poolOf(group).filter((_, place) => (number >> place) % 2 === 1);
}

/** What a service writes over a set: mostly one element more or less, sometimes two, sometimes the same. */
export function nextSet(group: GroupPolicy, row: RowVersion, number: number): string[] {
  const elements = new Set(elementsOf(group, row));
  const pool = poolOf(group);
  if (number % 11 === 0) return [...elements].toReversed();
  for (const at of number % 5 === 0 ? [number, number >> 4] : [number]) {
    const element = pool[at % pool.length]!;
    if (!elements.delete(element)) elements.add(element);
  }
  return [...elements];
}

/** The text of an array, sorted and without duplicates, as the trigger leaves it. */
export function arrayOf(group: GroupPolicy, elements: Iterable<string>): Value {
  const { numbers, empty } = group.set!;
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const sorted = [...new Set(elements)].toSorted((one, other) => {
    if (numbers) return Number(one) - Number(other);
    return bytes(one) < bytes(other) ? -1 : 1;
  });
  return sorted.length === 0 ? empty : formatArray(sorted);
}

/** The text of a set's tags; NULL where all of them are the row's birth. */
export function tagsOf(birth: bigint, entries: Iterable<string>): Value {
  const all = [...entries];
  const plain = all.every((entry) => entry.startsWith(`+${birth} `));
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return plain ? null : formatArray(all.toSorted((a, b) => (bytes(a) < bytes(b) ? -1 : 1)));
}

/** The entries of a set in a row. */
export function entriesOf(group: GroupPolicy, row: RowVersion): Set<string> {
  const tags = row.values[group.columns[1]!] ?? null;
  if (tags !== null) return new Set(parseArray(tags));
  return new Set([...elementsOf(group, row)].map((element) => `+${row.birth} ${element}`));
}

/** The element of an entry. */
export function elementOf(entry: string): string {
  return entry.slice(entry.indexOf(' ') + 1);
}

export interface SetWrite {
  group: GroupPolicy;
  before: RowVersion;
  elements: readonly string[];
  stamp: bigint;
  /** Removals up to this stamp are known everywhere. */
  stable: bigint;
  planted: Planted | undefined;
}

/** `crp.set_tags` of src/sql/ddl/set-ddl.ts. */
export function writeSet(write: SetWrite): { array: Value; tags: Value } {
  const { group, before, stamp, planted } = write;
  const had = elementsOf(group, before);
  const has = new Set(write.elements);
  const removeWins = group.method === 'remove-wins';
  const stable = planted === 'forget-removals' ? stamp : write.stable;
  const old = [...entriesOf(group, before)];
  const gone = (element: string): boolean =>
    old
      .filter((entry) => elementOf(entry) === element)
      .every((entry) => entry.startsWith('+') || BigInt(entry.slice(1).split(' ')[0]!) <= stable);
  const kept = old.filter((entry) => {
    const element = elementOf(entry);
    if (had.has(element) !== has.has(element)) return false;
    return had.has(element) || !gone(element);
  });
  const added = [...has].filter((one) => !had.has(one)).map((one) => `+${stamp} ${one}`);
  const removed = [...had].filter((one) => !has.has(one)).map((one) => `-${stamp} ${one}`);
  const entries = [...kept, ...added, ...(removeWins ? removed : [])];
  return { array: arrayOf(group, has), tags: tagsOf(before.birth, entries) };
}
