/** TypeScript types of a model's rows, as node-postgres gives and takes them. */
import type { Column, Entity, Model } from './ir/ir.ts';
import { allEntities } from './ir/replicated.ts';

/**
 * Types that node-postgres makes of PostgreSQL's. It gives 64-bit integers and numerics as strings, since a
 * JavaScript number cannot hold them.
 */
const TYPES: Readonly<Record<string, string>> = {
  smallint: 'number',
  integer: 'number',
  boolean: 'boolean',
  bytea: 'Buffer',
  'timestamp with time zone': 'Date',
};

/** A module with one interface for each entity's row; hidden columns are not in it. */
export function modelTypes(model: Model): string {
  const header = `// Rows of ${model.name}@${model.revision}, as node-postgres gives them. Generated: do not edit.\n`;
  return [header, ...allEntities(model).map(entityType)].join('\n');
}

function entityType(entity: Entity): string {
  const table = `${entity.table.schema}.${entity.table.name}`;
  const lines = entity.columns.flatMap((column) => [
    ...comment(column),
    `  ${propertyName(column.name)}: ${columnType(column)};`,
  ]);
  const about = entity.description === undefined ? '' : `: ${escapeComment(entity.description)}`;
  return [
    `/** A row of ${table}${about} */`,
    `export interface ${typeName(entity.name)} {`,
    ...lines,
    '}\n',
  ].join('\n');
}

function comment(column: Column): string[] {
  return column.description === undefined ? [] : [`  /** ${escapeComment(column.description)} */`];
}

function escapeComment(text: string): string {
  return text.replaceAll('*/', '*\\/');
}

function columnType(column: Column): string {
  const isArray = column.type.endsWith('[]');
  const element = isArray ? column.type.slice(0, -2) : column.type;
  const plain =
    column.values === undefined
      ? (TYPES[element] ?? 'string')
      : column.values.map((value) => JSON.stringify(value)).join(' | ');
  const type = isArray ? (plain.includes('|') ? `(${plain})[]` : `${plain}[]`) : plain;
  return column.notNull ? type : `${type} | null`;
}

function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** `zone-key` is `ZoneKey`. */
function typeName(name: string): string {
  const words = name.split(/[-_.]+/).filter((word) => word !== '');
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}
