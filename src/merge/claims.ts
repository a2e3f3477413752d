import type { Entity } from '../model/ir/ir.ts';
import type { ClashMethod } from '../model/ir/ir-resolution.ts';
import { greatest } from './stamps.ts';
import type { RowVersion, Stamp } from './types.ts';

/**
 * Who stands when a unique constraint forbids two rows to exist together. Pure, and a function of the two
 * rows alone, so that every site that has both decides the same (docs/convergence.md, "Uniqueness").
 */

/** Bits of a stamp below its time. */
const TIME_SHIFT = 11n;

/** The rules of an entity's unique constraints. */
export interface ClashRules {
  uniques: UniqueRule[];
  /** `earliest` or `latest` when some constraint says so: one order of rows decides all of those. */
  order: 'earliest' | 'latest' | undefined;
}

export interface UniqueRule {
  columns: readonly string[];
  method: ClashMethod;
  /** Places of the groups that have its columns; the greatest of their stamps is the claim. */
  groups: number[];
  /** Of the methods that append: the column, and the place of its group. */
  append: { column: string; group: number } | undefined;
}

/** A row as it takes part in a clash. `key` decides between rows that were older than replication. */
export interface Claimant {
  key: string;
  row: RowVersion;
}

/** The rules as the model says them. */
export function clashRules(entity: Entity): ClashRules {
  const groupOf = (column: string): number =>
    entity.groups.findIndex((group) => group.columns.includes(column));
  const uniques = entity.uniques.map((unique): UniqueRule => ({
    columns: unique.columns,
    method: unique.clash ?? 'park',
    groups: [...new Set(unique.columns.map(groupOf).filter((group) => group >= 0))],
    append:
      unique.append === undefined
        ? undefined
        : { column: unique.append, group: groupOf(unique.append) },
  }));
  return { uniques, order: uniques.map(({ method }) => method).find(isOrder) };
}

/** Whether a rule decides by an order of rows. */
export function isOrder(method: ClashMethod | undefined): method is 'earliest' | 'latest' {
  return method === 'earliest' || method === 'latest';
}

/** The stamp with which a row claimed the values of a constraint. */
export function claimOf(row: RowVersion, groups: readonly number[]): Stamp {
  if (groups.length === 0) return row.birth;
  return greatest(groups.map((group) => row.stamps[group]!));
}

/**
 * True if `one` has to give way to `other`. Constraints with an order share one rank, the row's last claim
 * under any of them: were they decided one by one, three rows could each beat the next.
 */
export function givesWay(
  rules: ClashRules,
  unique: UniqueRule,
  { one, other }: { one: Claimant; other: Claimant },
): boolean {
  const groups = isOrder(unique.method)
    ? rules.uniques.filter(({ method }) => isOrder(method)).flatMap((rule) => rule.groups)
    : unique.groups;
  const [own, its] = [claimOf(one.row, groups), claimOf(other.row, groups)];
  const later = own === its ? one.key > other.key : own > its;
  return unique.method === 'latest' ? !later : later;
}

/** A present row that has values which another one wants. */
export interface Clash {
  unique: UniqueRule;
  incumbent: Claimant;
}

/** What is to be done about a row that is not in the table and the rows that keep it out. */
export type Decision<Found extends Clash> =
  /** It waits because of `by`; `out`: without any older form of it in the table. */
  | { do: 'wait'; out: boolean; by: Found }
  /** These rows leave the table and wait, and it comes in. */
  | { do: 'evict'; losers: Found[] }
  /** These rows leave the table and wait; then a change is derived: the row itself or incumbents get another value. */
  | { do: 'derive'; losers: Found[]; self: UniqueRule[]; others: Found[] };

/**
 * Decides about one row. `clashes` is not empty. What an order of rows decides comes first: whoever has to leave by it
 * has no values any more that another constraint could forbid. Of the rest, `park` keeps everything as it is.
 */
export function decide<Found extends Clash>(
  rules: ClashRules,
  row: Claimant,
  clashes: readonly Found[],
): Decision<Found> {
  const loses = ({ unique, incumbent }: Clash): boolean =>
    givesWay(rules, unique, { one: row, other: incumbent });
  const losers = clashes.filter(({ unique }) => isOrder(unique.method));
  const winner = losers.find(loses);
  if (winner !== undefined) return { do: 'wait', out: true, by: winner };
  const leave = new Set(losers.map(({ incumbent }) => incumbent.key));
  const rest = clashes.filter(
    ({ unique, incumbent }) => !isOrder(unique.method) && !leave.has(incumbent.key),
  );
  const parked = rest.find(({ unique }) => unique.method === 'park');
  if (parked !== undefined) return { do: 'wait', out: false, by: parked };
  if (rest.length === 0) return { do: 'evict', losers };
  const self = [...new Set(rest.filter(loses).map(({ unique }) => unique))];
  return { do: 'derive', losers, self, others: rest.filter((clash) => !loses(clash)) };
}

/**
 * The stamp of a change that follows from another one: right after it, and of no site, so that it is the same
 * wherever it is derived and never that of a write. A later write of any site is greater.
 */
export function derivedStamp(cause: Stamp): Stamp {
  return ((cause >> TIME_SHIFT) + 1n) << TIME_SHIFT;
}

/**
 * The next form of a value that has to give way. A function of the value and the site alone: every site that
 * derives it step by step goes through the same forms.
 */
export function appended(
  method: 'append-site' | 'append-sequence',
  value: string,
  site: string,
): string {
  if (method === 'append-site') return `${value}@${site}`;
  const match = /^(.*)#(\d{1,9})$/s.exec(value);
  return match === null ? `${value}#2` : `${match[1]}#${Number(match[2]) + 1}`;
}
