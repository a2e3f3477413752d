/** Which columns of an entity travel between sites. */
import type { Column, Entity, Model } from './ir.ts';

/** The tables of a model: those that are replicated, then the site's own. */
export function allEntities(model: Model): Entity[] {
  return [...model.entities, ...(model.localEntities ?? [])];
}

/** Neither the site's own nor computed at every site. */
export function isReplicated(column: Column): boolean {
  return column.local !== true && column.derived === undefined;
}

/** The columns that are shipped, merged and compared, in the entity's order. */
export function replicatedColumns(entity: Entity): Column[] {
  return entity.columns.filter(isReplicated);
}

/**
 * Columns that are left out of what a site ships, by `schema.table`; tables of which everything is shipped are
 * not in it. A column list of the publication cannot do that: it would have to cover the replica identity,
 * which is the whole row (PostgreSQL manual, 29.5, "Column Lists").
 */
export function unshippedColumns(models: readonly Model[]): Map<string, ReadonlySet<string>> {
  const tables = models
    .flatMap((model) => model.entities)
    .map(({ table, columns }) => {
      const names = columns.filter((column) => !isReplicated(column)).map(({ name }) => name);
      return [`${table.schema}.${table.name}`, new Set(names)] as const;
    });
  return new Map(tables.filter(([, names]) => names.size > 0));
}

/**
 * The columns that `RowVersion.values` holds, in its order: all that are replicated but the key, then the
 * tags of sets.
 */
export function valueColumns(entity: Entity): Pick<Column, 'name' | 'type'>[] {
  const tags = entity.groups.flatMap((group) =>
    group.tags === undefined ? [] : [{ name: group.tags, type: 'text[]' }],
  );
  const columns = replicatedColumns(entity).filter(({ name }) => !entity.key.includes(name));
  return [...columns, ...tags];
}
