import { formatArray, parseArray } from './array-text.ts';
import { compareDecimals } from './decimal.ts';
import type { Conflict, GroupPolicy, RowVersion, SetPolicy } from './types.ts';

/*
 * Sets: one array whose elements are added and removed one by one. Beside the array stand its tags, a set of
 * entries `+<stamp> <element>` and `-<stamp> <element>`. An entry is made by one write and, once taken away,
 * never made again, so the entries of all writes less those that a write took away are the same at every
 * site, whatever the order of arrival: by causal delivery nothing is taken away before it is made (U-Set of
 * Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011, 3.3).
 *
 * An element is there if it has an entry `+` and none `-`. The two methods differ only in what a local write
 * does (src/sql/ddl/set-ddl.ts): to add takes away all entries of the element and makes one `+`; to remove takes
 * away the `+`, and makes one `-` where removals win.
 *
 * Tags that are NULL mean `+<birth>` of every element of the array: most sets are as they were inserted.
 */

/** What a change of a set leaves, and what it means for those who wrote the same elements. */
export interface SetWork {
  group: GroupPolicy;
  before: RowVersion;
  after: RowVersion;
  /** The row so far; its array and tags are changed in place, its stamp is not. */
  result: RowVersion;
}

type Entries = ReadonlySet<string>;

/**
 * Takes away what the origin took away and adds what it added.
 *
 * @returns elements whose concurrent writes were at odds, by whose write has no effect
 */
export function mergeSet(work: SetWork): { localLost: string[]; remoteLost: string[] } {
  const { group, before, after, result } = work;
  const [base, next, current] = [before, after, result].map((row) => entriesOf(group, row));
  const merged = new Set([...current!].filter((entry) => !base!.has(entry) || next!.has(entry)));
  for (const entry of next!) if (!base!.has(entry)) merged.add(entry);
  writeEntries(group, result, merged);
  return contested({ base: base!, next: next!, current: current!, merged });
}

/** Writes the set of both rows, of two inserts of one key, into `result`, which has the birth that the row is to have. */
export function joinSets(
  group: GroupPolicy,
  rows: readonly RowVersion[],
  result: RowVersion,
): void {
  const entries = new Set(rows.flatMap((row) => [...entriesOf(group, row)]));
  writeEntries(group, result, entries);
}

/** The conflict record of a merge; undefined where nobody's write was lost. */
export function setConflict(
  group: GroupPolicy,
  lost: { localLost: readonly string[]; remoteLost: readonly string[] },
  stamps: { local: bigint; remote: bigint },
): Conflict | undefined {
  const elements = [...lost.localLost, ...lost.remoteLost];
  if (elements.length === 0) return undefined;
  const outcome = group.method === 'add-wins' ? 'they stay' : 'they are gone';
  return {
    type: 'update',
    group: group.name,
    method: group.method,
    winner:
      lost.localLost.length === 0 ? 'local' : lost.remoteLost.length === 0 ? 'remote' : 'merged',
    localStamp: stamps.local,
    remoteStamp: stamps.remote,
    reason: `added at one site and removed at another, ${outcome}: ${group.set!.secret ? `${elements.length} secret` : named(elements)}`,
    elements,
  };
}

/** Elements and characters of each that a record's reason names. */
const NAMED = 5;
const NAMED_LENGTH = 60;

function named(elements: readonly string[]): string {
  const short = elements
    .slice(0, NAMED)
    .map((text) => (text.length > NAMED_LENGTH ? `${text.slice(0, NAMED_LENGTH)}…` : text));
  const more = elements.length - short.length;
  return short.join(', ') + (more === 0 ? '' : ` and ${more} more`);
}

function entriesOf({ columns }: GroupPolicy, row: RowVersion): Entries {
  const [array, tags] = columns.map((column) => row.values[column]!);
  if (tags !== null && tags !== undefined) return new Set(parseArray(tags));
  const elements = array === null || array === undefined ? [] : parseArray(array);
  return new Set(elements.map((element) => `+${row.birth} ${element}`));
}

function elementOf(entry: string): string {
  return entry.slice(entry.indexOf(' ') + 1);
}

/** The elements that are there. */
function elementsOf(entries: Entries): Set<string> {
  const elements = new Set<string>();
  for (const entry of entries) if (entry.startsWith('+')) elements.add(elementOf(entry));
  for (const entry of entries) if (entry.startsWith('-')) elements.delete(elementOf(entry));
  return elements;
}

/** The same bytes at every site: sorted, and without tags where they say nothing. */
function writeEntries(group: GroupPolicy, row: RowVersion, entries: Entries): void {
  const [array, tags] = group.columns;
  const set = group.set!;
  const elements = sorted(set, elementsOf(entries));
  row.values[array!] = elements.length === 0 ? set.empty : formatArray(elements);
  const plain = `+${row.birth} `;
  const isPlain = [...entries].every((entry) => entry.startsWith(plain));
  row.values[tags!] = isPlain ? null : formatArray([...entries].toSorted(compareBytes));
}

function sorted({ numbers }: SetPolicy, elements: Iterable<string>): string[] {
  return [...elements].toSorted(
    (one, other) => (numbers ? compareDecimals(one, other) : 0) || compareBytes(one, other),
  );
}

/** COLLATE "C" in SQL. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/**
 * The elements that the origin changed and that are now not as one of the two sides left them, though this
 * side wrote them without knowledge of the other.
 */
function contested(sets: { base: Entries; next: Entries; current: Entries; merged: Entries }): {
  localLost: string[];
  remoteLost: string[];
} {
  const { base, next, current, merged } = sets;
  const [after, local, result] = [next, current, merged].map(elementsOf);
  const own = touched(base, current);
  const changed = [...touched(base, next)];
  return {
    remoteLost: changed.filter((one) => result!.has(one) !== after!.has(one)),
    localLost: changed.filter((one) => own.has(one) && result!.has(one) !== local!.has(one)),
  };
}

/** The elements whose entries differ. */
function touched(one: Entries, other: Entries): Set<string> {
  const differ = [...one, ...other].filter((entry) => one.has(entry) !== other.has(entry));
  return new Set(differ.map(elementOf));
}
