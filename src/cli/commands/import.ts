import { open, rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { Command } from 'commander';
import type { Client } from 'pg';
import { exportZone } from '../../services/dns/export-zone.ts';
import type { WriteText } from '../../services/dns/export-zone.ts';
import { importZone } from '../../services/dns/import-zone.ts';
import type { ImportResult } from '../../services/dns/import-zone.ts';
import { cannotWrite } from '../files.ts';
import { sayWhenInterrupted } from '../interruption.ts';
import { jsonOption } from '../options.ts';

/**
 * Opens a session as the site's service does, with the options of the command (`--dir` and what else the
 * caller added to it). The command closes the session.
 */
export type ConnectService = (options: Record<string, unknown>) => Promise<Client>;

interface ImportFlags {
  origin?: string;
  replace: boolean;
  dryRun: boolean;
  json: boolean;
}

/** `syncline import`: data of a service from the files that the service has them in. */
export function importCommand(connectService: ConnectService): Command {
  return new Command('import')
    .description("import a service's data from its own files")
    .addCommand(importZoneCommand(connectService));
}

/** `syncline export`: the way back. */
export function exportCommand(connectService: ConnectService): Command {
  return new Command('export')
    .description("export a service's data in the form of its own files")
    .addCommand(exportZoneCommand(connectService));
}

/** `zone FILE`: a zone from a master file (RFC 1035 §5). Options of the site are the caller's to add. */
export function importZoneCommand(connectService: ConnectService): Command {
  return new Command('zone')
    .description('import a DNS zone from a master file (RFC 1035), whole or not at all')
    .argument('<file>', 'the master file')
    .option('--origin <name>', 'name of the zone; default: the owner of the SOA record')
    .option('--replace', 'make an existing zone what the file says', false)
    .option('--dry-run', 'check the file and tell the differences, write nothing', false)
    .addOption(jsonOption())
    .action(async (file: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<ImportFlags>();
      const { origin, replace, dryRun } = flags;
      sayWhenInterrupted('Nothing of the file was imported, unless all of it just was');
      const result = await withService(connectService, command, (client) =>
        importZone(client, file, { origin, replace, dryRun }),
      );
      for (const warning of result.warnings) console.error(`warning: ${warning}`);
      console.log(flags.json ? JSON.stringify(result) : describe(result, dryRun));
    });
}

/** `zone NAME`: a zone as a master file on standard output, or in a file. */
export function exportZoneCommand(connectService: ConnectService): Command {
  return new Command('zone')
    .description('export a DNS zone as a master file (RFC 1035)')
    .argument('<name>', 'name of the zone')
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .action(async (name: string, _: unknown, command: Command) => {
      const { output } = command.optsWithGlobals<{ output?: string }>();
      await withService<unknown>(connectService, command, (client) =>
        output === undefined
          ? exportZone(client, name, writer(process.stdout))
          : exportToFile(client, name, output),
      );
    });
}

async function withService<T>(
  connectService: ConnectService,
  command: Command,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connectService(command.optsWithGlobals());
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Codes of what a file system refuses, as opposed to a connection. */
const FILE_ERROR = /^E(ACCES|DQUOT|FBIG|IO|ISDIR|NOENT|NOSPC|NOTDIR|PERM|ROFS)$/;

/** The file gets its name when it is complete: until then an older one stays. */
async function exportToFile(client: Client, name: string, file: string): Promise<void> {
  const partial = `${file}.partial`;
  try {
    const handle = await open(partial, 'w');
    try {
      await exportZone(client, name, (text) => handle.appendFile(text));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    if (!FILE_ERROR.test(String((error as { code?: unknown }).code))) throw error;
    throw cannotWrite('EXPORT_FILE', file, error);
  }
}

/** Writes with back pressure: a slow reader holds the cursor, not the zone in memory. */
function writer(stream: Writable): WriteText {
  return (text) =>
    new Promise((resolve, reject) => {
      stream.once('error', reject);
      stream.write(text, (error) => {
        stream.off('error', reject);
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
}

function describe(result: ImportResult, dryRun: boolean): string {
  const { zone, records, rrsets, added, changed, deleted, unchanged } = result;
  const verb = dryRun ? 'would be imported (dry run)' : 'imported';
  return (
    `${zone} ${verb}: ${records} records in ${rrsets} RRsets; ` +
    `${added} added, ${changed} changed, ${deleted} deleted, ${unchanged} unchanged`
  );
}
