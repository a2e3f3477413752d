import { Command } from 'commander';
import { connectPlain } from '../../postgres/connect.ts';
import { readConfig } from '../../site/config.ts';
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
      const result = await client
        .query<Record<string, unknown>>(statement)
        .finally(() => client.end().catch(() => undefined));
      if (options.json) console.log(JSON.stringify(result.rows));
      else if (result.fields.length === 0) console.log(`${result.command} ${result.rowCount ?? 0}`);
      else {
        const names = result.fields.map((field) => field.name);
        console.log(
          formatTable(
            names,
            result.rows.map((row) => names.map((name) => row[name])),
          ),
        );
      }
    });
}
