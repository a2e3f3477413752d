/** The Markdown reference of a model: tables, columns, rules, and how they merge. */
import type { Column, ColumnGroup, Entity, Model } from './ir/ir.ts';
import type { OrderedMethod } from './ir/ir-resolution.ts';
import { allEntities } from './ir/replicated.ts';
import { sqlName } from './ir/names.ts';

const METHOD_WORDS: Readonly<Record<string, string>> = {
  'latest-timestamp': 'of two concurrent changes the later one stands',
  overwrite: 'of two concurrent changes the later one stands',
  additive: 'concurrent changes are added up',
  maximum: 'the greatest value stands, and it is only ever raised',
  minimum: 'the smallest value stands, and it is only ever lowered',
  'serial-maximum': 'the highest serial number stands (RFC 1982), and it is only ever raised',
  'add-wins': 'what was added stays in the set unless its removal knew of the addition',
  'remove-wins': 'what was removed stays out of the set unless its addition knew of the removal',
  'priority-group': 'the value that is later in the order stands, and it only moves up',
};

const ORDERED_WORDS: Readonly<Record<OrderedMethod['method'], string>> = {
  ...{ 'latest-timestamp': 'the later one stands', overwrite: 'the later one stands' },
  ...{ 'earliest-timestamp': 'the earlier one stands', discard: 'the earlier one stands' },
  additive: 'the difference is added',
  ...{ maximum: 'the greater one stands', minimum: 'the smaller one stands' },
  'serial-maximum': 'the higher serial number stands (RFC 1982)',
  'priority-group': 'the one that is later in the order stands',
  average: 'the mean of both stands',
  'site-priority': 'the one of the site that is named first stands',
  'owner-wins': "the one of the row's owner stands",
  'sql-function': 'a function decides',
  park: 'an operator decides',
};

const DELETE_WORDS = {
  delete: 'A delete wins over a concurrent change.',
  update: 'A row that was changed concurrently survives its delete.',
  latest: 'Of a delete and a concurrent change the later one stands.',
  park: 'A row that was changed concurrently survives its delete until an operator has decided.',
};

/** The page; it says everything that the model says and nothing of how it is stored besides. */
export function modelReference(model: Model): string {
  const head = [
    `# ${model.name}`,
    ...(model.description === undefined ? [] : [model.description]),
    `Revision ${model.revision}, service \`${model.service}\`.`,
  ];
  return `${[...head, ...allEntities(model).flatMap((entity) => entitySection(entity))].join('\n\n')}\n`;
}

function entitySection(entity: Entity): string[] {
  const table = `${entity.table.schema}.${entity.table.name}`;
  const about = entity.description === undefined ? '' : `${entity.description} `;
  const rules = ruleLines(entity);
  return [
    `## ${entity.name}`,
    `${about}Table \`${table}\`${entity.adopted === true ? ', adopted' : ''}; key ${codes(entity.key)}.`,
    columnTable(entity),
    entity.local === true
      ? 'The table belongs to the site: nothing of it is replicated.'
      : `**Merging.** ${entity.groups.map(groupText).join(' ')} ` +
        `${DELETE_WORDS[entity.onDeleteUpdate ?? 'delete']}${clashWords(entity)}`,
    ...(rules.length === 0 ? [] : [`**Rules.**\n\n${rules.map((rule) => `- ${rule}`).join('\n')}`]),
  ];
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}

function columnTable(entity: Entity): string {
  const rows = entity.columns.map((column) => [
    `\`${column.name}\``,
    column.type,
    column.notNull ? defaultText(column) : 'optional',
    column.group ?? unmerged(column, entity),
    cell(column),
  ]);
  const lines = [['column', 'type', 'default', 'group', ''], Array(5).fill('---'), ...rows];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** What a column without a group is. */
function unmerged(column: Column, entity: Entity): string {
  if (entity.key.includes(column.name)) return 'key';
  if (column.derived !== undefined) return `derived: \`${column.derived}\``;
  return 'site-local';
}

function defaultText(column: Column): string {
  return column.default === undefined ? 'required' : `\`${column.default}\``;
}

function cell(column: Column): string {
  const values = column.values === undefined ? '' : ` One of ${codes(column.values)}.`;
  const secret = column.secret === true ? ' Secret.' : '';
  return `${column.description ?? ''}${values}${secret}`.replaceAll('|', '\\|').trim();
}

function groupText(group: ColumnGroup): string {
  const words = groupWords(group);
  return `${codes(group.columns)} (group \`${group.name}\`): ${words}.`;
}

function ruleLines(entity: Entity): string[] {
  return [
    ...entity.references.map(({ columns, target, onDelete }) => {
      return `${codes(columns)} refers to ${codes(target.columns)} of ${target.entity}; on delete ${onDelete}`;
    }),
    ...(entity.counters ?? []).map(({ path, bound, name }) => {
      const functions = ['add', 'take', 'give'].map((verb) =>
        sqlName(entity.table.name, name, verb),
      );
      return `\`${path}\` is never below ${bound}; it has no column and is changed by ${codes(functions)}`;
    }),
    ...entity.uniques.map((unique) => `${codes(unique.columns)} together are unique`),
    ...entity.checks.flatMap((check) => (check.message === undefined ? [] : [check.message])),
  ];
}

function groupWords({ method, methods }: ColumnGroup): string {
  if (methods === undefined) return METHOD_WORDS[method] ?? method;
  const words = methods.map((one) => {
    const named = one.sites ?? (one.function && [`${one.function.schema}.${one.function.name}`]);
    return `${ORDERED_WORDS[one.method]}${named === undefined ? '' : ` (${codes(named)})`}`;
  });
  return `of two concurrent changes ${words.join('; where that does not decide, ')}`;
}

function clashWords({ onKeyClash }: Entity): string {
  if (onKeyClash === undefined) return '';
  return onKeyClash === 'merge'
    ? ' Two inserts of one key are merged group by group.'
    : ' Of two inserts of one key the earlier one stands.';
}
