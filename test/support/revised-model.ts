import type { ColumnGroup, Column, Entity, Model } from '../../src/model/ir/ir.ts';
import { namesIn } from '../../src/model/evolution/implied.ts';
import type { Random } from '../simulation/random.ts';

/** Two revisions of a model that sites may have at the same time. */
export interface Revisions {
  name: string;
  before: Model;
  after: Model;
  /** Whether sites with the one and with the other have the same rows of what both have. */
  sameRules: boolean;
}

/** A group of one column, which has its name. */
export interface Later {
  group: ColumnGroup;
  column: Omit<Column, 'name' | 'path' | 'group'>;
}

/** Groups that a later revision adds. */
const LATER: readonly Later[] = [
  {
    group: { name: 'late', stamp: '_crp_late', columns: ['late'], method: 'latest-timestamp' },
    column: { type: 'text', notNull: false, default: `'new'` },
  },
  {
    group: { name: 'late_sum', stamp: '_crp_late_sum', columns: ['late_sum'], method: 'additive' },
    column: { type: 'bigint', notNull: true, default: '0' },
  },
  {
    group: { name: 'late_top', stamp: '_crp_late_top', columns: ['late_top'], method: 'maximum' },
    column: { type: 'integer', notNull: false },
  },
];

/** A model, and its next revision with more column groups in each entity that may have more. */
export function withMore(model: Model): Revisions {
  const before = { ...model, revision: '2026-11-01' };
  const after = { ...model, revision: '2026-12-01', entities: model.entities.map(more) };
  return { name: model.name, before, after, sameRules: true };
}

function more(entity: Entity): Entity {
  if (entity.history !== undefined) return entity;
  return LATER.reduce(withGroup, entity);
}

/** A model, and an earlier revision of it that lacks some of its entities and column groups. */
export function withLess(model: Model, random: Random): Revisions {
  const isTarget = ({ name }: Entity): boolean =>
    model.entities.some(({ references }) =>
      references.some(({ target }) => target.entity === name),
    );
  const entities = model.entities
    .filter((entity, at) => at === 0 || isTarget(entity) || random.chance(60))
    .map((entity) => less(entity, random));
  return {
    name: model.name,
    before: { ...model, revision: '2026-11-01', entities },
    after: { ...model, revision: '2026-12-01' },
    sameRules: true,
  };
}

function less(entity: Entity, random: Random): Entity {
  if (entity.history !== undefined || entity.columns.length === entity.key.length) return entity;
  // The first one stays, so that there is something to write.
  const first = entity.columns.find(({ name }) => !entity.key.includes(name))!;
  const used = new Set([
    ...[...entity.uniques, ...entity.references].flatMap(({ columns }) => columns),
    first.name,
  ]);
  const isOptional = (name: string): boolean => {
    const { notNull, default: fallback } = entity.columns.find((column) => column.name === name)!;
    return !used.has(name) && (!notNull || fallback !== undefined);
  };
  const gone = entity.groups.filter(
    ({ columns }) => columns.every(isOptional) && random.chance(60),
  );
  return withoutGroups(entity, gone);
}

/** An entity as it was before it had some of its column groups. */
export function withoutGroups(entity: Entity, gone: readonly ColumnGroup[]): Entity {
  const names = new Set(gone.flatMap(({ columns }) => columns));
  return {
    ...entity,
    groups: entity.groups.filter((group) => !gone.includes(group)),
    columns: entity.columns.filter(({ name }) => !names.has(name)),
    checks: entity.checks.filter(({ expression }) =>
      [...namesIn(expression)].every((name) => !names.has(name)),
    ),
  };
}

/** An entity with one more column, in a group of its own. */
export function withGroup(entity: Entity, { group, column }: Later): Entity {
  const { name } = group;
  return {
    ...entity,
    columns: [...entity.columns, { name, path: name, group: name, ...column }],
    groups: [...entity.groups, group],
  };
}

/** A group of one column that may be NULL; the latest write of it stands. */
export function nullable(name: string, type: string): Later {
  return {
    group: { name, stamp: `_crp_${name}`, columns: [name], method: 'latest-timestamp' },
    column: { type, notNull: false },
  };
}
