/** How two revisions merge: names that are stored, column groups and their methods. */
import type { Position } from '../../yang/source.ts';
import type { Difference, Revision } from './evolution.ts';
import type { Column, ColumnGroup, Entity } from '../ir/ir.ts';
import { methodText, ruleTexts } from './merge-text.ts';

const STAMPS =
  'A stamp says when its group was last changed; stamps of two different groups cannot be compared.';
const DIFFERENT = 'Sites that merge by different methods end with different rows.';

/** Compares what `common-replication` says of the entities of both revisions. */
export function compareEntities(before: Revision, after: Revision): Difference[] {
  const differences: Difference[] = [];
  for (const old of before.model.entities) {
    const now = after.model.entities.find((entity) => entity.name === old.name);
    const position = positionOf(now === undefined ? before : after, now ?? old);
    if (now === undefined) {
      const renamed = after.model.entities.find((entity) => entity.path === old.path);
      const what = renamed === undefined ? 'entity removed' : `entity renamed to "${renamed.name}"`;
      const hint = 'The name of an entity is stored in journals and backups: keep it.';
      differences.push({ ...together(old.name, what, position), hint });
    } else differences.push(...compareEntity(old, now, position));
  }
  return differences;
}

function positionOf({ model, context }: Revision, entity: Entity): Position {
  const steps = entity.path.split('/').slice(1);
  const node = context.findNode(`/${model.name}:${steps.join('/')}`);
  return node?.position ?? context.findModule(model.name)!.position;
}

/** Whether a column travels, and if not, why. */
function scopeOf(column: Column): string {
  if (column.local === true) return 'site-local';
  return column.derived === undefined ? 'replicated' : `derived: ${column.derived}`;
}

/** A write of a site that lacks the column would win the group and say nothing about the column. */
function lateColumn(
  old: Entity,
  now: Entity,
  column: Entity['columns'][number],
): Omit<Difference, 'position'> | undefined {
  if (!old.groups.some((group) => group.name === column.group)) return undefined;
  return {
    path: now.name,
    what: `column "${column.name}" is new in group "${column.group}", which is there already`,
    allowed: true,
    rollout: 'together',
    hint: 'In a column group of its own sites can take it one by one.',
  };
}

function together(path: string, what: string, position: Position): Difference {
  return { path, what, allowed: false, rollout: 'together', position };
}

function compareEntity(old: Entity, now: Entity, position: Position): Difference[] {
  const differences: Difference[] = [];
  const add = (what: string, hint?: string): void => {
    differences.push({
      ...together(now.name, what, position),
      ...(hint === undefined ? {} : { hint }),
    });
  };
  const table = ({ table: { schema, name } }: Entity): string => `${schema}.${name}`;
  if (table(old) !== table(now)) add(`table ${table(old)} became ${table(now)}`);
  for (const column of now.columns) {
    const before = old.columns.find((one) => one.path === column.path);
    if (before === undefined) {
      const late = lateColumn(old, now, column);
      if (late !== undefined) differences.push({ ...late, position });
      continue;
    }
    if (before.name !== column.name) add(`column "${before.name}" became "${column.name}"`);
    if (before.type !== column.type) add(`column "${column.name}" became ${column.type}`);
    const scope = scopeOf(column);
    if (scopeOf(before) !== scope) {
      add(`column "${column.name}" became ${scope}`, 'Rows that were shipped have it, or lack it.');
      continue;
    }
    if (before.group === column.group) continue;
    add(`column "${column.name}" moved from group "${before.group}" to "${column.group}"`, STAMPS);
  }
  const rules = ({ ownership, appendOnly, claim }: Entity): string =>
    [
      ownership?.kind ?? 'every site',
      ...(appendOnly === true ? ['append-only'] : []),
      ...(claim === undefined ? [] : [`keys by the ranges of ${claim.ranges.name}`]),
    ].join(', ');
  if (rules(old) !== rules(now)) {
    // A guard is asked where the row is written and nowhere else.
    const what = `who may write became: ${rules(now)}`;
    differences.push({ path: now.name, what, allowed: true, rollout: 'rolling', position });
  }
  const [clash, clashNow] = [old, now].map((one) => ruleTexts(one).join(', ') || 'the default');
  if (clash !== clashNow) add(`rules of deletes and keys became: ${clashNow}`, DIFFERENT);
  differences.push(...rowRules(old, now, position));
  for (const counter of now.counters ?? []) {
    const before = old.counters?.find((one) => one.name === counter.name);
    if (before !== undefined && before.bound !== counter.bound) {
      const hint = 'Sites that work with the old bound could take what the new one forbids.';
      add(`bound of "${counter.path}" became ${counter.bound}`, hint);
    }
    if (old.columns.some((column) => column.path === counter.path)) {
      add(`column "${counter.path}" became a counter with a bound`, 'Add a new leaf beside it.');
    }
  }
  for (const group of now.groups) {
    const before = old.groups.find((one) => one.name === group.name);
    if (before === undefined) continue;
    if (methodOf(before) !== methodOf(group)) {
      add(`method of group "${group.name}" became ${methodText(group)}`, DIFFERENT);
    } else if (isReordered(before, group)) {
      add(
        `order of values of group "${group.name}" became ${ordersOf(group).join(' ')}`,
        DIFFERENT,
      );
    }
  }
  return differences;
}

/** With all that a method depends on but the order of values, which may get new ones. */
function methodOf({ method, methods }: ColumnGroup): string {
  const parts = methods?.map((one) => [one.method, one.sites, one.function]);
  return JSON.stringify([method, parts]);
}

function ordersOf(group: ColumnGroup): string[] {
  return group.order ?? group.methods?.flatMap(({ order }) => order ?? []) ?? [];
}

/** Values that both revisions have stand in another order. */
function isReordered(before: ColumnGroup, now: ColumnGroup): boolean {
  const [old, after] = [ordersOf(before), ordersOf(now)];
  const common = (one: string[], other: string[]): string =>
    one.filter((value) => other.includes(value)).join(' ');
  return common(old, after) !== common(after, old);
}

/** What is said of whole rows: when they expire, and who is told of them. */
function rowRules(old: Entity, now: Entity, position: Position): Difference[] {
  const differences: Difference[] = [];
  const expiry = ({ expires }: Entity): string =>
    expires === undefined ? 'never' : `at ${expires.column} and ${expires.grace} s`;
  if (expiry(old) !== expiry(now)) {
    const hint = 'A row that one site removes would be missing there.';
    differences.push({ ...together(now.name, `rows expire ${expiry(now)}`, position), hint });
  }
  if (old.afterApply !== now.afterApply) {
    const what = `channel notified after apply became ${now.afterApply ?? 'none'}`;
    differences.push({ path: now.name, what, allowed: true, rollout: 'rolling', position });
  }
  return differences;
}
