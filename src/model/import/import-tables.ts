/**
 * A model that adopts tables which are there: written from what PostgreSQL's catalogue says of them. What
 * the catalogue cannot know is marked with a comment that begins with `DECIDE`.
 */
import { importedType } from './import-types.ts';
import { sqlName } from '../ir/names.ts';

export interface TableInfo {
  schema: string;
  name: string;
  comment?: string;
  columns: ColumnInfo[];
  /** Empty when the table has no primary key. */
  primaryKey: string[];
  uniques: string[][];
  foreignKeys: ForeignKeyInfo[];
  /** Names of its own triggers, without those of constraints and of replication. */
  triggers: string[];
}

export interface ColumnInfo {
  name: string;
  /** As `format_type()` prints it. */
  type: string;
  notNull: boolean;
  /** Takes its values from a sequence. */
  fromSequence: boolean;
  comment?: string;
}

export interface ForeignKeyInfo {
  columns: string[];
  schema: string;
  table: string;
  targetColumns: string[];
  onDelete: 'restrict' | 'cascade' | 'set-null';
}

export interface ImportOptions {
  /** Name of the module. */
  module: string;
  service: string;
  /** `YYYY-MM-DD`. */
  revision: string;
}

/** The text of a module that adopts the tables; tables without a primary key are named in a comment. */
export function importTables(tables: readonly TableInfo[], options: ImportOptions): string {
  const keyed = tables.filter((table) => table.primaryKey.length > 0);
  const rest = tables.filter((table) => table.primaryKey.length === 0);
  const { module, service, revision } = options;
  const lists = keyed.map((table) => indent(new TableWriter(table, keyed).text(), 4));
  const without = rest.map((table) => {
    const why =
      'DECIDE: it has no primary key, and replication needs one; give it one, or leave it out.';
    return `    /* ${table.schema}.${table.name}\n       ${why} */\n`;
  });
  return `module ${module} {
  yang-version 1.1;
  namespace "urn:x-syncline:yang:${module}";
  prefix m;

  import common-replication {
    prefix crp;
  }
  import ietf-yang-types {
    prefix yang;
  }

  organization
    "DECIDE: who answers for this model.";
  description
    "Adopts tables that exist and belong to a program.";

  revision ${revision} {
    description
      "Written from the tables.";
  }

  crp:service "${service}";

  container ${service} {
    description
      "The data of the service.";

${[...lists, ...without].join('\n')}  }
}
`;
}

function indent(lines: readonly string[], by: number): string {
  return lines.map((line) => (line === '' ? '' : ' '.repeat(by) + line)).join('\n') + '\n';
}

/** The name of a column or table as an identifier of YANG (RFC 7950 §6.2). */
export function yangName(name: string): string {
  const plain = name.replaceAll(/[^A-Za-z0-9_.-]/g, '-').replaceAll('_', '-');
  return /^[A-Za-z]/.test(plain) ? plain : `x${plain}`;
}

/** Text in a comment, which the end of a line ends. */
function onLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

/** A string argument on one line, in double quotes (RFC 7950 §6.1.3). */
function quoted(text: string): string {
  const plain = onLine(text).trim();
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

class TableWriter {
  readonly #table: TableInfo;
  readonly #tables: readonly TableInfo[];

  constructor(table: TableInfo, tables: readonly TableInfo[]) {
    this.#table = table;
    this.#tables = tables;
  }

  text(): string[] {
    const { name, primaryKey, comment } = this.#table;
    return [
      `list ${yangName(name)} {`,
      `  key ${quoted(primaryKey.map(yangName).join(' '))};`,
      ...this.#table.uniques.flatMap((columns) => this.#unique(columns)),
      '  description',
      `    ${quoted(comment ?? `Rows of table ${name}.`)};`,
      ...this.#entity(),
      ...this.#table.columns.flatMap((column) => this.#column(column)),
      '}',
    ];
  }

  #unique(columns: readonly string[]): string[] {
    return [
      `  unique ${quoted(columns.map(yangName).join(' '))} {`,
      '    // DECIDE: what becomes of two rows of different sites with the same values: "latest", "earliest",',
      '    // "append-site" (to a text), or "park", which leaves it to an operator.',
      '    crp:on-unique-clash "park";',
      '  }',
    ];
  }

  #entity(): string[] {
    const { schema, name, triggers } = this.#table;
    return [
      `  crp:entity ${quoted(yangName(name))} {`,
      '    // DECIDE: columns that are changed by different programs belong into different groups.',
      '    // Of two inserts of one key the later one stands, unless you say "earliest", or "merge" (by groups).',
      '    // crp:on-unique-clash "merge";',
      `    crp:sql-table ${quoted(`${schema}.${name}`)} {`,
      '      crp:adopt "table";',
      ...triggers.flatMap((trigger) => [
        `      // DECIDE: must trigger ${onLine(trigger)} run for rows that another site wrote, too?`,
        `      // crp:fire-always ${quoted(trigger)};`,
      ]),
      '    }',
      '  }',
    ];
  }

  #column(column: ColumnInfo): string[] {
    const isKey = this.#table.primaryKey.includes(column.name);
    const { yang, isList, sql } = importedType(column.type);
    const name = yangName(column.name);
    const reference = isList ? undefined : this.#reference(column);
    const type =
      reference ?? yang.map((line, index) => (index === 0 ? `  type ${line}` : `  ${line}`));
    // The type of a leafref is that of its target.
    const typed = sql !== column.type ? [`    crp:sql-type ${quoted(column.type)};`] : [];
    const named = sqlName(name) !== column.name || typed.length > 0;
    const binding =
      typed.length > 0
        ? [`  crp:sql-column ${quoted(column.name)} {`, ...typed, '  }']
        : [`  crp:sql-column ${quoted(column.name)};`];
    return [
      ...this.#sequenceNote(column, isKey),
      `${isList ? 'leaf-list' : 'leaf'} ${name} {`,
      ...type,
      ...(column.notNull && !isKey && !isList ? ['  mandatory true;'] : []),
      ...(named ? binding : []),
      '  description',
      `    ${quoted(column.comment ?? `Column ${column.name}.`)};`,
      '}',
    ].map((line) => `  ${line}`);
  }

  #sequenceNote(column: ColumnInfo, isKey: boolean): string[] {
    if (!column.fromSequence || !isKey) return [];
    return [
      `// ${onLine(column.name)} comes from a sequence: adoption has each site give out values of its own.`,
    ];
  }

  /** A foreign key of one column to the only key column of a table of the model is a leafref. */
  #reference(column: ColumnInfo): string[] | undefined {
    const key = this.#table.foreignKeys.find(({ columns }) => columns.join() === column.name);
    const target = this.#tables.find(
      (table) => table.schema === key?.schema && table.name === key.table,
    );
    if (key === undefined || target === undefined) return undefined;
    if (target.primaryKey.join() !== key.targetColumns.join()) return undefined;
    const path = `../../${yangName(target.name)}/${yangName(key.targetColumns[0]!)}`;
    return [
      '  type leafref {',
      `    path ${quoted(path)};`,
      '  }',
      ...(key.onDelete === 'restrict' ? [] : [`  crp:on-delete ${quoted(key.onDelete)};`]),
      '  // DECIDE: what becomes of a row whose target another site has deleted.',
      '  crp:on-orphan "keep";',
    ];
  }
}
