import { Command } from 'commander';
import { withConnection } from '../../postgres/connect.ts';
import { digests } from '../../repair/digest.ts';
import { readModels } from '../../site/database/catalog.ts';
import { readConfig } from '../../site/config/config.ts';
import { dirOption, jsonOption } from '../options.ts';
import { formatTable } from '../table.ts';

/** `syncline digest`: row counts and hashes, to be compared between sites. */
export function digestCommand(): Command {
  return new Command('digest')
    .description('row count and hash of every entity; equal at two sites when their data are')
    .addOption(dirOption())
    .addOption(jsonOption())
    .action(async (options: { dir: string; json: boolean }) => {
      const found = await withConnection(
        readConfig(options.dir).database.url,
        'syncline digest',
        async (client) =>
          digests(
            client,
            (await readModels(client)).map((model) => model.ir),
          ),
      );
      if (options.json) console.log(JSON.stringify(found));
      else {
        console.log(
          formatTable(
            ['entity', 'rows', 'hash'],
            found.map(({ entity, rows, hash }) => [entity, rows, hash]),
          ),
        );
      }
    });
}
