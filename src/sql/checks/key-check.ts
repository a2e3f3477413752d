/** Whether the primary key of a table can tell rows apart at all sites in the same way. Pure. */
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { isCitext } from '../../model/types/loose-types.ts';
import { ident } from '../../model/ir/names.ts';
import { tableOf, tombstoneOf } from '../names/apply-names.ts';
import { historyOf } from '../ddl/history-ddl.ts';
import type { TableFacts } from '../tables/table-facts.ts';

/** What stands in the way of an entity's key, each with what to do. */
export function keyProblems(entity: Entity, facts: TableFacts): string[] {
  const { primaryKey } = facts;
  if (primaryKey.length === 0) {
    return ['has no primary key: ALTER TABLE … ADD PRIMARY KEY (…); rows are told apart by it'];
  }
  const same = [...primaryKey].sort().join() === [...entity.key].sort().join();
  if (!same) {
    return [
      `has the primary key (${primaryKey.join(', ')}), and the model the key (${entity.key.join(', ')}): ` +
        'correct the model',
    ];
  }
  if (facts.overlapKey) {
    return [
      'has a primary key WITHOUT OVERLAPS, which ON CONFLICT cannot use: make it UNIQUE (…, … WITHOUT OVERLAPS), and ' +
        'ADD PRIMARY KEY of columns of which no two rows have the same values',
    ];
  }
  if (facts.looseKey.length > 0) return facts.looseKey.map((name) => looseKey(name, entity, facts));
  if (!facts.deferrableKey) return [];
  return ['has a DEFERRABLE primary key, which ON CONFLICT cannot use: make it NOT DEFERRABLE'];
}

function looseKey(name: string, entity: Entity, { columns }: TableFacts): string {
  const { type } = columns.find((column) => column.name === name)!;
  const known = columns.some((column) => column.name === BIRTH_COLUMN);
  return (
    `has "${name}" of type ${type} in its primary key, of which two values can be equal and not the same, so that ` +
    `sites would tell rows apart which the index does not: ${mendedKey(name, type, known ? entity : undefined)}`
  );
}

/** @param known the entity of a table that is replicated already: its keys are in tables of ours, too */
function mendedKey(name: string, type: string, known: Entity | undefined): string {
  const tight = tightType(type);
  // Blanks at the end would come to the values of a bpchar at one site after the other.
  if (tight === undefined || (known !== undefined && type === 'bpchar')) {
    const other = 'it needs another type, that has no such values';
    if (known === undefined) return other;
    return `${other}, which is no change for a replicated table: docs/operating/upgrade.md, "Keys that are refused"`;
  }
  const alter = (table: string, to: string): string =>
    `ALTER TABLE ${table} ALTER COLUMN ${ident(name)} TYPE ${to}`;
  if (known === undefined) return alter('…', tight);
  const ours = type === tight.replace(/ COLLATE .*/, '') ? [] : [tombstoneOf(known)];
  if (ours.length > 0 && known.history !== undefined) ours.push(historyOf(known));
  const all = [tableOf(known), ...ours].map((table) => alter(table, tight)).join('; ');
  return `${all}; at every site, as docs/operating/upgrade.md says`;
}

/** The type with the same values of which equal ones are the same; undefined where there is none. */
function tightType(type: string): string | undefined {
  if (type === 'numeric') return 'numeric(p,s)';
  if (type === 'bpchar') return 'character(n)';
  if (isCitext(type)) return 'text';
  return /^(text|character( varying)?(\(\d+\))?)$/.test(type) ? `${type} COLLATE "C"` : undefined;
}
