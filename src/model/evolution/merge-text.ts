/** How groups and rows merge, in words for terminals and pages. */
import type { ColumnGroup, Entity } from '../ir/ir.ts';
import type { OrderedMethod } from '../ir/ir-resolution.ts';
import { MAY_PASS } from '../groups/ordered.ts';

/** `commutative`: changes may come in any order. `ordered`: they are replayed, which needs history. */
export type GroupClass = 'commutative' | 'ordered';

/** The class of a group. In an entity that keeps history for another reason it stays commutative. */
export function groupClass(group: ColumnGroup): GroupClass {
  return group.method === 'ordered' ? 'ordered' : 'commutative';
}

/** `latest-timestamp`, or `site-priority (muc ber), then average, then park`: after the last one it is parked. */
export function methodText(group: ColumnGroup): string {
  if (group.methods === undefined) return group.method;
  const last = group.methods.at(-1)?.method ?? 'park';
  const end = MAY_PASS.has(last) ? ['park'] : [];
  return [...group.methods.map(oneMethod), ...end].join(', then ');
}

function oneMethod({ method, sites, function: named }: OrderedMethod): string {
  if (sites !== undefined) return `${method} (${sites.join(' ')})`;
  return named === undefined ? method : `${method} (${named.schema}.${named.name})`;
}

/** The rules of an entity that are not the default: `on delete and update: park`. */
export function ruleTexts({ onDeleteUpdate, onKeyClash }: Entity): string[] {
  return [
    ...(onDeleteUpdate === undefined ? [] : [`delete and concurrent update: ${onDeleteUpdate}`]),
    ...(onKeyClash === undefined ? [] : [`two inserts of a key: ${onKeyClash}`]),
  ];
}

/** What an entity costs beyond its rows; undefined for most. */
export function costText({ history }: Entity): string | undefined {
  if (history === undefined) return undefined;
  return (
    `keeps history: crp.${history} has every change of a row until all sites have it, ` +
    'and changes are applied row by row'
  );
}
