/**
 * Whether two revisions of a model, at two sites, can replicate with each other. It goes by the compiled models
 * only, which every site has of its own revision; `syncline model diff` says more, from the sources.
 */
import { deletesOrphans } from '../groups/derived-rules.ts';
import { canonicalJson } from '../ir/hash.ts';
import type { Column, Entity, Model } from '../ir/ir.ts';
import { isTightened } from '../types/loose-types.ts';
import { addedColumns, ANOTHER_COLUMN, narrowedRules } from './narrowed.ts';
import { isReplicated } from '../ir/replicated.ts';

/**
 * What a site with the new revision and one with the old could not agree about; empty when sites may change
 * one by one. Columns and entities that only the new one has are no obstacle: a site that lacks them applies
 * the rest of a change, and takes their values from a site that has them when it gets the revision itself.
 * That needs groups of their own for new columns: a write of a site that does not know one of a group's columns
 * would otherwise win the group and leave that column to chance.
 */
export function rollingObstacles(before: Model, after: Model): string[] {
  const obstacles = before.entities.flatMap((old) => {
    const now = after.entities.find((entity) => entity.name === old.name);
    if (now === undefined) return [`entity "${old.name}" is gone`];
    return entityObstacles(old, now).map((what) => `entity "${old.name}": ${what}`);
  });
  return [...obstacles, ...endlessRules(before, after), ...siteTables(before, after)];
}

/** Tables of the site itself, whose rows the others do not have. */
function siteTables(before: Model, after: Model): string[] {
  return (before.localEntities ?? []).flatMap((old) => {
    const same = ({ name }: Entity): boolean => name === old.name;
    if (after.entities.some(same)) {
      return [
        `entity "${old.name}" was site-local, and every site has rows of its own in it: add an entity with another name`,
      ];
    }
    const now = after.localEntities?.find(same);
    return now === undefined
      ? []
      : columnObstacles(old, now).map((what) => `entity "${old.name}": ${what}`);
  });
}

/** Rows that sites with the one revision would bring back, and sites with the other delete, again and again. */
function endlessRules(before: Model, after: Model): string[] {
  const all = [...before.entities, ...after.entities];
  const deleted = new Set(all.filter(deletesOrphans).map(({ name }) => name));
  const found = all.flatMap(({ name, references }) =>
    references
      .filter(({ onOrphan, target }) => onOrphan === 'restore' && deleted.has(target.entity))
      .map(
        ({ target }) =>
          `entity "${name}": it restores rows of "${target.entity}", which sites with the other revision delete ` +
          'where they lost a target',
      ),
  );
  return [...new Set(found)];
}

function entityObstacles(old: Entity, now: Entity): string[] {
  const same = (what: string, part: (entity: Entity) => unknown): string[] =>
    canonicalJson(part(old)) === canonicalJson(part(now)) ? [] : [`${what} changed`];
  return [
    ...(old.adopted === true && now.adopted !== true
      ? [
          'its table is a program’s and lacks the constraints that a table of the model has: keep crp:adopt',
        ]
      : []),
    ...same('its table', (entity) => [entity.table, entity.tombstone]),
    ...same('its key', (entity) => entity.key),
    ...same('its rules for deletes and keys', (entity) => [
      ...[entity.onDeleteUpdate, entity.onKeyClash, entity.history],
    ]),
    ...columnObstacles(old, now),
    ...old.groups.flatMap((group) => groupObstacles(group, { old, now })),
    ...lateColumns(old, now),
    ...same('when its rows expire', ({ expires }) => expires),
    ...lateUniques(old, now),
    ...narrowedRules(old, now),
    ...otherBounds(old, now),
    ...otherDeciders(old, now),
  ];
}

/** Whether a column travels, in words. */
function scopeOf({ local, derived }: Column): string {
  if (local === true) return 'site-local';
  return derived === undefined ? 'replicated' : 'derived';
}

/** Columns that are there, and are not made anew: who comes later would have another one. */
function columnObstacles(old: Entity, now: Entity): string[] {
  return old.columns.flatMap((column) => {
    const travels = now.local !== true && isReplicated(column);
    const other = now.columns.find(({ name }) => name === column.name);
    if (other === undefined) return travels ? [`column "${column.name}" is gone`] : [];
    const [was, is] = [scopeOf(column), scopeOf(other)];
    if (was !== is) {
      return [
        `column "${column.name}" was ${was} and is ${is}: sites have different values in it, or go on writing ` +
          `them, and nothing says which count; ${ANOTHER_COLUMN}`,
      ];
    }
    if (column.derived !== other.derived) {
      return [
        `column "${column.name}" is derived otherwise, and rows that are there keep what they have: ` +
          'add a derived column with another name',
      ];
    }
    const mended = old.key.includes(column.name) && isTightened(column.type, other.type);
    if (column.type !== other.type && !mended) {
      return [
        `column "${column.name}" became ${other.type}${travels ? '' : `: ${ANOTHER_COLUMN}`}`,
      ];
    }
    return !travels || other.group === column.group
      ? []
      : [`column "${column.name}" is in another group`];
  });
}

/** What sites give each other and take counts from the bound, in the functions that each of them has. */
function otherBounds(old: Entity, now: Entity): string[] {
  return (old.counters ?? []).flatMap((counter) => {
    const other = now.counters?.find(({ name }) => name === counter.name);
    if (other === undefined || other.bound === counter.bound) return [];
    return [
      `counter "${counter.name}" has the bound ${other.bound} in place of ${counter.bound}: its value would differ by ` +
        'site, and sites with the old revision take what the new bound keeps; add a counter with another name, and ' +
        'move the amounts by its functions',
    ];
  });
}

/** The method "owner-wins" asks who owns a row; guards of writes do so only where the row is written. */
function otherDeciders(old: Entity, now: Entity): string[] {
  const isAsked = now.groups.some(({ methods }) =>
    methods?.some(({ method }) => method === 'owner-wins'),
  );
  if (!isAsked || canonicalJson(old.ownership) === canonicalJson(now.ownership)) return [];
  return [
    'who owns its rows changed, and sites with the old revision let another site win (owner-wins)',
  ];
}

/**
 * New unique constraints that rows of a site with the old revision may break. It could not take the revision then;
 * what it has no value of is unique.
 */
function lateUniques(old: Entity, now: Entity): string[] {
  const sorted = (columns: readonly string[]): string => canonicalJson([...columns].toSorted());
  const known = new Set(old.uniques.map(({ columns }) => sorted(columns)));
  const isEmpty = (name: string): boolean =>
    !old.columns.some((column) => column.name === name) &&
    now.columns.some((column) => column.name === name && column.default === undefined);
  return now.uniques
    .filter(({ columns }) => !known.has(sorted(columns)) && !columns.every(isEmpty))
    .map(
      ({ columns }) =>
        `"${columns.join(', ')}" became unique, and sites with the old revision write rows that are not: ` +
        'a constraint can be added of columns that are new, too, and have no default',
    );
}

function groupObstacles(
  group: Entity['groups'][number],
  { old, now }: { old: Entity; now: Entity },
): string[] {
  const other = now.groups.find((candidate) => candidate.name === group.name);
  if (other === undefined) return [`column group "${group.name}" is gone`];
  const rule = ({ stamp, method, methods, order }: typeof group): string =>
    canonicalJson([stamp, method, methods, order]);
  if (rule(group) !== rule(other)) return [`the method of group "${group.name}" changed`];
  // The last value of a set that is removed leaves NULL, or an empty one.
  const isNullable = ({ columns }: Entity): boolean =>
    columns.some(({ name, notNull }) => group.columns.includes(name) && !notNull);
  return group.tags !== undefined && isNullable(now) && !isNullable(old)
    ? [
        `set "${group.name}" may be absent, and sites with the old revision keep it empty: ${ANOTHER_COLUMN}`,
      ]
    : [];
}

/** New columns that sites with the old revision would overwrite, or would not miss when they decide. */
function lateColumns(old: Entity, now: Entity): string[] {
  const added = addedColumns(old, now).filter(isReplicated);
  const groups = new Set(old.groups.map((group) => group.name));
  const shared = added.filter((column) => column.group !== undefined && groups.has(column.group));
  const decides = old.history !== undefined && added.length > shared.length;
  return [
    ...shared.map(
      (column) =>
        `new column "${column.name}" is in group "${column.group}", which is there already: ` +
        'give it a column group of its own',
    ),
    ...(decides
      ? ['it keeps history, and a site that lacks a column would replay it otherwise']
      : []),
  ];
}
