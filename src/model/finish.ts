/** From drafts to the IR, with the names that have to be unique over all entities. */
import type { ResolvedType } from '../yang/schema-types.ts';
import type { Module } from '../yang/schema-modules.ts';
import { identityValues } from './types/column-type.ts';
import { argumentSpan } from '../yang/statement.ts';
import { counterEntities, finishCounter } from './groups/counter-entities.ts';
import { checkDerivedRules } from './groups/derived-rules.ts';
import { crpChild, crpChildren } from './statements/crp-reader.ts';
import type { ModelReporter } from './diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from './draft/draft.ts';
import { oneLine } from './draft/draft.ts';
import { historyOf } from './groups/history.ts';
import { entityRules } from './groups/entity-rules.ts';
import { ownershipOf } from './groups/ownership.ts';
import type { Column, Entity, Model } from './ir/ir.ts';
import type { SqlName } from './ir/names.ts';
import { IR_VERSION } from './ir/ir.ts';
import { sqlName } from './ir/names.ts';

interface Parts {
  module: Module;
  service: string;
  schema: string;
  drafts: readonly EntityDraft[];
}

/** The model; tables of the same name are reported. */
export function finishModel(parts: Parts, reporter: ModelReporter): Model {
  const { module, service, schema, drafts } = parts;
  const all: Entity[] = [];
  for (const draft of drafts) {
    const entity = finishEntity(draft, drafts, reporter);
    for (const made of [entity, ...counterEntities(entity, draft)]) {
      checkTable(made, all, { draft, reporter });
      all.push(made);
    }
  }
  for (const draft of drafts) {
    const entity = all.find(({ name }) => name === draft.name);
    if (entity !== undefined) checkDerivedRules({ draft, entity }, all, reporter);
  }
  const local = all.filter((entity) => entity.local === true);
  const schemas = new Set(drafts.map((draft) => draft.table.schema));
  return {
    irVersion: IR_VERSION,
    name: module.name,
    revision: module.revision ?? '',
    ...(module.description === undefined ? {} : { description: oneLine(module.description) }),
    service,
    // Adopted tables are in a schema that was there.
    schema: schemas.size === 1 ? [...schemas][0]! : schema,
    entities: all.filter((entity) => entity.local !== true),
    ...(local.length === 0 ? {} : { localEntities: local }),
  };
}

/** Two entities of one table. Names that authors gave twice were reported when they were found. */
function checkTable(
  { name, table, functionsOnly }: Entity,
  before: readonly Entity[],
  { draft, reporter }: { draft: EntityDraft; reporter: ModelReporter },
): void {
  const full = (one: SqlName): string => `${one.schema}.${one.name}`;
  const made = (one: Entity): boolean => functionsOnly === true || one.functionsOnly === true;
  const first = before.find(
    (one) => full(one.table) === full(table) || (one.name === name && made(one)),
  );
  if (first === undefined) return;
  const names = { kind: 'table', name: full(table), one: first.name, other: name };
  const hint = 'Name one of the tables with "crp:sql-table".';
  reporter.report('name-clash', argumentSpan(draft.statement.statement), names, { hint });
}

function finishEntity(
  draft: EntityDraft,
  drafts: readonly EntityDraft[],
  reporter: ModelReporter,
): Entity {
  const ownership = ownershipOf(draft, reporter);
  const rules = entityRules(draft, drafts, reporter);
  const { name, path, node, table, columns, groups, uniques, references, checks } = draft;
  const binding = crpChild(draft.statement, 'sql-table');
  const always = crpChildren(binding, 'fire-always').map((one) => one.argument ?? '');
  return {
    name,
    path,
    ...(node.description === undefined ? {} : { description: oneLine(node.description) }),
    table,
    ...(crpChild(binding, 'adopt')?.argument === 'table' ? { adopted: true } : {}),
    ...(always.length === 0 ? {} : { fireAlways: always }),
    // Tombstones of all models are in one schema, so the name has the table's schema in it.
    tombstone: sqlName(table.schema, table.name, 'tombstone'),
    columns: columns.map((column) => finishColumn(column, draft)),
    key: columns.filter((column) => column.isKey).map((column) => column.name),
    uniques,
    references,
    ...(crpChild(draft.statement, 'append-only') === undefined ? {} : { appendOnly: true }),
    ...(ownership === undefined ? {} : { ownership }),
    ...rules,
    ...(draft.counters.length === 0
      ? {}
      : { counters: draft.counters.map((one) => finishCounter(one, draft)) }),
    checks,
    ...(draft.local ? { local: true } : {}),
    groups: draft.local ? [] : groups,
    ...(draft.local ? {} : historyOf(draft, reporter)),
  };
}

function finishColumn(column: ColumnDraft, draft: EntityDraft): Column {
  const group = draft.groups.find((one) => one.columns.includes(column.name));
  const { description } = column.node;
  const values = valuesOf(column.type.yang);
  return {
    name: column.name,
    path: column.path,
    ...(description === undefined ? {} : { description: oneLine(description) }),
    type: column.sqlType ?? column.type.sql,
    notNull: column.notNull,
    ...(column.default === undefined ? {} : { default: column.default }),
    ...(values === undefined ? {} : { values }),
    ...(group === undefined || draft.local ? {} : { group: group.name }),
    ...(column.local && !draft.local ? { local: true } : {}),
    ...(column.derived === undefined ? {} : { derived: column.derived }),
    ...(column.secret ? { secret: true } : {}),
  };
}

function valuesOf(type: ResolvedType | undefined): string[] | undefined {
  if (type?.base === 'enumeration') return type.enums.map((value) => value.name);
  return type?.base === 'identityref' ? identityValues(type) : undefined;
}
