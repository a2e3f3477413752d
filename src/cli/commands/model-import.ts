import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { importTables } from '../../model/import-tables.ts';
import { withConnection } from '../../postgres/connect.ts';
import { checkDatabaseUrl } from '../../postgres/database-url.ts';
import { readTables } from '../../sql/read-tables.ts';

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
    .argument('<dsn>', 'connection string of the database')
    .requiredOption('--service <name>', 'the service, for example "kea"')
    .option('--schema <name>', 'schema of the tables', 'public')
    .option('--table <name...>', 'only these tables')
    .option('--module <name>', 'name of the module; default: the service')
    .option('-o, --output <file>', 'write to a file instead')
    .action(async (dsn: string, options: Options) => {
      const { schema, table, service } = options;
      const tables = await withConnection(
        checkDatabaseUrl('The connection string', dsn),
        'syncline model import-sql',
        (client) =>
          readTables(client, { schema, ...(table === undefined ? {} : { tables: table }) }),
      );
      if (tables.length === 0) throw new Error(`schema "${schema}" has no such tables`);
      const module = options.module ?? service;
      const revision = new Date().toISOString().slice(0, 10);
      const text = importTables(tables, { module, service, revision });
      if (options.output === undefined) process.stdout.write(text);
      else writeFileSync(options.output, text);
    });
}
