/** Whether a node exists in a row, as SQL. */
import type { SchemaNode } from '../../yang/schema.ts';
import type { ColumnDraft, EntityDraft } from './draft.ts';
import { columnOf } from './draft.ts';
import { ident } from '../ir/names.ts';

/** SQL condition, never NULL, that the node has data in the row; `true` for what is always there. */
export function existsSql(node: SchemaNode, draft: EntityDraft): string {
  const column = columnOf(draft, node);
  if (column !== undefined) return columnExists(column);
  const parts = node.children
    .filter((child) => child.kind !== 'list')
    .map((child) => existsSql(child, draft));
  if (parts.includes('true')) return 'true';
  if (parts.length === 0) return 'false';
  return parts.length === 1 ? parts[0]! : `(${parts.join(' OR ')})`;
}

function columnExists(column: ColumnDraft): string {
  const name = ident(column.name);
  if (column.node.kind === 'container') {
    return column.notNull ? name : `coalesce(${name}, false)`;
  }
  if (column.node.kind === 'leaf-list' && column.notNull) return `(cardinality(${name}) > 0)`;
  return column.notNull ? 'true' : `(${name} IS NOT NULL)`;
}

/** The columns of a node itself (`own`) or of everything in it (`all`). */
export function columnsBelow(
  node: SchemaNode,
  draft: EntityDraft,
  which: 'own' | 'all',
): ColumnDraft[] {
  const column = columnOf(draft, node);
  const own = column === undefined ? [] : [column];
  if (which === 'own' || node.kind === 'list') return own;
  return [
    ...own,
    ...node.children
      .filter((child) => child.kind !== 'list')
      .flatMap((child) => columnsBelow(child, draft, 'all')),
  ];
}
