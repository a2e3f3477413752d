/**
 * Counters with a bound (model/ir.ts, `Counter`). With right[h][g] what site h gave to site g, or
 * to itself when it added, and used[h] what it took:
 *
 *     share of i = Σ_h right[h][i] − Σ_{g≠i} right[i][g] − used[i]
 *     value      = bound + Σ_i right[i][i] − Σ_i used[i] = bound + Σ_i share of i
 *
 * Only site i makes its share smaller and it refuses to go below 0, so the value is never below the bound. What
 * i does not know of yet can only make its share greater. Another site sees a gift before what was taken from
 * it (ARCHITECTURE.md §4), so it never computes a value below the bound either.
 */
import type { Counter, Entity } from '../../model/ir/ir.ts';
import { sqlName, ident } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';

/** Where the functions of one counter at one site read and write. */
export interface CounterPlace {
  entity: Entity;
  counter: Counter;
  right: Entity;
  used: Entity;
  site: number;
}

/** Name of a function without its arguments; it is not overloaded. */
export function functionName(entity: Entity, counter: Counter, verb: string): string {
  return `${ident(entity.table.schema)}.${ident(sqlName(entity.table.name, counter.name, verb))}`;
}

/** Condition that a row of one of the two tables is of the counter's row; the primary key's index serves. */
export function sameCounter(of: Entity, alias: string, incarnation: string): string {
  const keys = of.key.slice(0, of.key.indexOf('incarnation'));
  const same = keys.map((name, index) => `${alias}.${ident(name)} = $${index + 1}`);
  return [...same, `${alias}.incarnation = ${incarnation}`].join(' AND ');
}

/** What the site may take. */
export function shareSql({ right, used, site }: CounterPlace, incarnation: string): string {
  return `(SELECT coalesce(sum(CASE WHEN r.grantee = ${site} THEN r.amount ELSE -r.amount END), 0)
    FROM ${tableOf(right)} AS r
    WHERE ${sameCounter(right, 'r', incarnation)} AND (r.grantee = ${site} OR r.holder = ${site}))
  - (SELECT coalesce(sum(u.amount), 0) FROM ${tableOf(used)} AS u
    WHERE ${sameCounter(used, 'u', incarnation)} AND u.holder = ${site})`;
}

/** What all sites may take together, as far as this one knows. */
export function totalSql({ right, used }: CounterPlace, incarnation: string): string {
  return `(SELECT coalesce(sum(r.amount), 0) FROM ${tableOf(right)} AS r
    WHERE ${sameCounter(right, 'r', incarnation)} AND r.grantee = r.holder)
  - (SELECT coalesce(sum(u.amount), 0) FROM ${tableOf(used)} AS u
    WHERE ${sameCounter(used, 'u', incarnation)})`;
}
