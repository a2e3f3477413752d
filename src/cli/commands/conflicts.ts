import { Command } from 'commander';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { readModels } from '../../site/database/catalog.ts';
import { readConfig } from '../../site/config/config.ts';
import { dirOption, jsonOption, wholeNumber } from '../options.ts';
import { formatTable } from '../table.ts';
import { visible } from '../visible.ts';
import { pruneCommand } from './conflicts-prune.ts';
import { resolveCommand } from './conflicts-resolve.ts';

interface Options {
  dir: string;
  json: boolean;
  limit: number;
}

interface Row {
  id: string;
  detected_at: Date;
  entity: string;
  key: Record<string, unknown>;
  type: string;
  column_group: string | null;
  method: string;
  winner: string;
  origin_site: string | null;
  local_row: unknown;
  remote_row: unknown;
  reason: string;
  status: string;
}

const CONFLICTS = `
  SELECT id, detected_at, entity, key, type, column_group, method, winner, origin_site, local_row,
    remote_row, reason, status
  FROM crp.conflict WHERE $1::bigint IS NULL OR id = $1 ORDER BY id DESC LIMIT $2`;

/** `syncline conflicts`: what was decided, and what waits. */
export function conflictsCommand(): Command {
  return new Command('conflicts')
    .description('list conflicts, the newest first; with an id: one in full')
    .argument('[id]', 'identifier of one conflict', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .addOption(dirOption())
    .addOption(jsonOption())
    .option('--limit <n>', 'how many', wholeNumber(1, 100_000), 20)
    .addCommand(resolveCommand())
    .addCommand(pruneCommand())
    .action(async (id: number | undefined, options: Options) => {
      const { rows, keys } = await withConnection(
        readConfig(options.dir).database.url,
        'syncline conflicts',
        async (client) => ({
          rows: (await client.query<Row>(CONFLICTS, [id ?? null, options.limit])).rows,
          keys: await keyColumns(client),
        }),
      );
      if (id !== undefined && rows.length === 0) {
        throw new AppError('CONFLICT_UNKNOWN', `There is no conflict ${id}`, {
          hint: 'syncline conflicts lists them',
        });
      }
      console.log(
        options.json
          ? JSON.stringify(rows)
          : id === undefined
            ? list(rows, keys)
            : visible(full(rows[0]!)),
      );
    });
}

function list(rows: readonly Row[], keys: ReadonlyMap<string, string[]>): string {
  if (rows.length === 0) return 'no conflicts';
  const header = [
    'id',
    'when',
    'entity',
    'key',
    'conflict',
    'group',
    'with',
    'method',
    'winner',
    '',
  ];
  return formatTable(
    header,
    rows.map((row) => [
      ...[row.id, row.detected_at, row.entity, keyText(row, keys), row.type],
      ...[row.column_group, row.origin_site, row.method, row.winner],
      row.status === 'parked' ? 'PARKED' : '',
    ]),
  );
}

/** The key columns of every entity, in key order; jsonb does not keep it. */
async function keyColumns(client: Client): Promise<Map<string, string[]>> {
  const models = await readModels(client);
  return new Map(
    models.flatMap(({ ir }) => ir.entities).map((entity) => [entity.name, entity.key]),
  );
}

function keyText(row: Row, keys: ReadonlyMap<string, string[]>): string {
  const columns = keys.get(row.entity) ?? Object.keys(row.key);
  return columns.map((column) => String(row.key[column])).join(' ');
}

function full(row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => {
      const text = value instanceof Date ? value.toISOString() : JSON.stringify(value);
      return `${name.padEnd(12)} ${text}`;
    })
    .join('\n');
}
