import { Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../../base/errors.ts';
import { importTables } from '../../model/import/import-tables.ts';
import { withConnection } from '../../postgres/connect.ts';
import { checkDatabaseUrl } from '../../postgres/database-url.ts';
import { readTables } from '../../sql/tables/read-tables.ts';
import { writeOutput } from '../files.ts';

interface Options {
  schema: string;
  table?: string[];
  service: string;
  module?: string;
  output?: string;
}

/** `syncline model import-sql`: a model that adopts the tables of a database. */
export function importCommand(): Command {
  return new Command('import-sql')
    .description(
      'write a model that adopts existing tables; what a person must decide is marked DECIDE',
    )
    .argument('<uri>', 'connection string of the database')
    .addOption(
      new Option('--service <name>', 'the service, for example "kea"')
        .argParser(identifier)
        .makeOptionMandatory(),
    )
    .option('--schema <name>', 'schema of the tables', 'public')
    .option('--table <name...>', 'only these tables')
    .addOption(
      new Option('--module <name>', 'name of the module; default: the service').argParser(
        identifier,
      ),
    )
    .option('-o, --output <file>', 'write to a file instead')
    .action(async (uri: string, options: Options) => {
      const { schema, table, service } = options;
      const tables = await withConnection(
        checkDatabaseUrl('The connection string', uri),
        'syncline model import-sql',
        (client) =>
          readTables(client, { schema, ...(table === undefined ? {} : { tables: table }) }),
      );
      if (tables.length === 0) {
        const which = table === undefined ? 'tables' : `table ${table.join(', ')}`;
        throw new AppError(
          'TABLES_MISSING',
          `Schema "${schema}" of this database has no ${which}`,
          {
            hint: 'Name the schema and the tables: --schema NAME, --table NAME…',
          },
        );
      }
      const module = options.module ?? service;
      const revision = new Date().toISOString().slice(0, 10);
      const text = importTables(tables, { module, service, revision });
      writeOutput(text, options.output);
    });
}

/** RFC 7950 §6.2: names of a module and what is called after it. */
function identifier(text: string): string {
  if (/^[a-z_][a-z0-9_.-]*$/i.test(text)) return text;
  throw new InvalidArgumentError(
    'It must begin with a letter or "_" and go on with letters, digits, "-", "_" and ".".',
  );
}
