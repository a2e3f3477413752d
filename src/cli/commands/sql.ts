import { Command } from 'commander';
import type { QueryArrayResult } from 'pg';
import { connectPlain } from '../../postgres/connect.ts';
import { readConfig } from '../../site/config/config.ts';
import { dirOption, jsonOption } from '../options.ts';
import { formatTable } from '../table.ts';

/** `syncline sql STATEMENT`: for machines without psql. */
export function sqlCommand(): Command {
  return new Command('sql')
    .description("run an SQL statement in the site's database as its service does")
    .argument('<statement>', 'for example "SELECT * FROM dns.zone"')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (statement: string, options: { dir: string; json: boolean }) => {
      const { serviceUrl } = readConfig(options.dir).database;
      const client = await connectPlain(serviceUrl, 'syncline sql');
      // Rows as lists: two columns may have one name.
      const found = await client
        .query({ text: statement, rowMode: 'array' })
        .finally(() => client.end().catch(() => undefined));
      // Of several statements there is a list, of which the types of the driver do not know.
      const results = ([] as QueryArrayResult<unknown[]>[]).concat(found);
      for (const text of results.map((one) => textOf(one, options.json))) {
        if (text !== undefined) console.log(text);
      }
    });
}

/** What is printed of a result; nothing of an empty statement. */
function textOf(result: QueryArrayResult<unknown[]>, json: boolean): string | undefined {
  const { command, fields, rows, rowCount } = result;
  const names = fields.map((field) => field.name);
  if (json) {
    return JSON.stringify(
      rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]]))),
    );
  }
  if (names.length > 0) return formatTable(names, rows);
  // The driver has null of it.
  return (command as string | null) === null ? undefined : `${command} ${rowCount ?? 0}`;
}
