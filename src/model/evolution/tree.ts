/** A compiled model as a tree for a terminal: entities, columns, and how they merge. */
import type { Column, ColumnGroup, Entity, Model } from '../ir/ir.ts';
import { costText, groupClass, methodText, ruleTexts } from './merge-text.ts';
import { allEntities } from '../ir/replicated.ts';

/** The tree of a model: one line for each entity and column, in the style of RFC 8340. */
export function modelTree(model: Model): string {
  const lines = [`model: ${model.name}@${model.revision} (service ${model.service})`];
  for (const entity of allEntities(model)) {
    lines.push('', ...entityTree(entity));
  }
  return lines.join('\n');
}

function entityTree(entity: Entity): string[] {
  const rows = entity.columns.map((column) => columnRow(column, entity));
  const widths = [0, 1, 2].map((index) => Math.max(...rows.map((row) => row[index]!.length)));
  const body = rows.map((row) => {
    const cells = row.map((cell, index) => cell.padEnd(widths[index] ?? 0));
    return `  +--rw ${cells.join('  ')}`.trimEnd();
  });
  const table = `${entity.table.schema}.${entity.table.name}`;
  const adopted = entity.adopted === true ? ' (adopted)' : '';
  const local = entity.local === true ? ' (site-local)' : '';
  return [
    `${entity.path}* [${entity.key.join(' ')}]  → ${table}${adopted}${local}`,
    ...body,
    ...(entity.counters ?? []).map(
      (one) => `  +--rw ${one.name}  counter, never below ${one.bound}`,
    ),
    ...ruleTexts(entity).map((rule) => `  ${rule}`),
    ...[costText(entity)].flatMap((cost) => (cost === undefined ? [] : [`  ${cost}`])),
    ...entity.uniques.map((unique) => `  unique ${unique.columns.join(', ')}`),
    ...entity.references.map((reference) => {
      const { entity: target, columns } = reference.target;
      const action = `on delete ${reference.onDelete}`;
      return `  ${reference.columns.join(', ')} → ${target} (${columns.join(', ')}), ${action}`;
    }),
  ];
}

function columnRow(column: Column, entity: Entity): string[] {
  const optional = column.notNull ? '' : '?';
  const fallback = column.default === undefined ? '' : ` = ${column.default}`;
  const group = entity.groups.find((one) => one.name === column.group);
  const rule = group === undefined ? unmerged(column, entity) : ruleOf(group);
  return [`${column.name}${optional}`, `${column.type}${fallback}`, rule];
}

/** Why a column is in no group. */
function unmerged(column: Column, entity: Entity): string {
  if (entity.key.includes(column.name)) return 'key';
  return column.derived === undefined ? 'site-local' : `derived: ${column.derived}`;
}

function ruleOf(group: ColumnGroup): string {
  return `${group.name}: ${methodText(group)}${groupClass(group) === 'ordered' ? '  (ordered)' : ''}`;
}
