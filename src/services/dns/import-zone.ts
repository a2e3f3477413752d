import type { Client } from 'pg';
import { assert } from '../../base/assert.ts';
import { AppError } from '../../base/errors.ts';
import { explainDatabaseError } from './database-errors.ts';
import { readMasterFile } from './master-file.ts';
import { canonicalName } from './names.ts';
import { TextProblem } from './problem.ts';
import { Warnings } from './warnings.ts';
import { ZoneRecords } from './zone-records.ts';
import {
  checkSets,
  createStaging,
  groupRecords,
  stageRecords,
  ttlWarnings,
} from './zone-staging.ts';
import { insertZone, lockZone, updateZone, writeRrsets } from './zone-tables.ts';

export interface ImportOptions {
  /** Name of the zone, and what relative names end in; default: the owner of the SOA record. */
  origin?: string | undefined;
  /** Make an existing zone what the file says, removing what the file lacks. */
  replace?: boolean | undefined;
  /** Check and compare only. */
  dryRun?: boolean | undefined;
  /** Records sent to the database at a time; default 1000. */
  batchSize?: number | undefined;
}

/** What an import did. RRsets are counted with the SOA record as one. */
export interface ImportResult {
  zone: string;
  rrsets: number;
  records: number;
  added: number;
  changed: number;
  deleted: number;
  unchanged: number;
  /** Records that were in the file more than once; they count once in `records`. */
  duplicates: number;
  warnings: string[];
}

const BATCH = 1000;

/**
 * Imports a zone from a master file into `dns.zone` and `dns.rrset`, whole or not at all, in one transaction
 * of its own. Only differences are written: importing the same file again writes nothing. The session must
 * not be in a transaction, needs to create temporary tables, and stays usable after an error.
 *
 * @throws AppError ZONE_FILE, ZONE_SYNTAX, ZONE_INVALID, ZONE_EXISTS, ZONE_SCHEMA, ZONE_RIGHTS,
 *   ZONE_REFUSED; a lost connection as pg reports it
 */
export async function importZone(
  client: Client,
  file: string,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const origin = options.origin === undefined ? undefined : checkName(options.origin);
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const result = await importInTransaction(client, file, { ...options, origin });
    await client.query(options.dryRun === true ? 'ROLLBACK' : 'COMMIT');
    return result;
  } catch (error) {
    // The first error is the one to report: after a lost connection this one fails too.
    await client.query('ROLLBACK').catch(() => undefined);
    throw explainDatabaseError(error);
  }
}

async function importInTransaction(
  client: Client,
  file: string,
  options: ImportOptions,
): Promise<ImportResult> {
  const { origin, replace = false, batchSize = BATCH } = options;
  assert(batchSize >= 1, () => `a batch of ${batchSize} records`);
  const warnings = new Warnings();
  // Known before the file is read: an error now is better than one after a million records.
  if (origin !== undefined && !replace) await refuseExisting(client, origin);
  await createStaging(client);
  const zoneRecords = new ZoneRecords(file, origin);
  const read = readMasterFile(file, { origin, warn: (warning) => warnings.add(warning) });
  const staged = await stageRecords(client, zoneRecords.check(read), batchSize);
  const { records, rrsets } = await groupRecords(client);
  await checkSets(client);
  for (const warning of await ttlWarnings(client)) warnings.add(warning);
  const duplicates = staged - records + zoneRecords.duplicates;
  if (duplicates > 0) warnings.add(`${file}: ${duplicates} duplicate records were dropped`);
  const changes = await writeZone(client, zoneRecords, replace);
  return {
    zone: zoneRecords.zone,
    rrsets: rrsets + 1,
    records: records + 1,
    ...changes,
    unchanged: rrsets + 1 - changes.added - changes.changed,
    duplicates,
    warnings: warnings.list(),
  };
}

async function writeZone(
  client: Client,
  { zone, soa }: ZoneRecords,
  replace: boolean,
): Promise<{ added: number; changed: number; deleted: number }> {
  if (!replace) await refuseExisting(client, zone);
  const exists = await lockZone(client, zone);
  const first = await (exists ? updateZone : insertZone)(client, zone, soa);
  const second = await writeRrsets(client, zone);
  return {
    added: first.added + second.added,
    changed: first.changed + second.changed,
    deleted: second.deleted,
  };
}

async function refuseExisting(client: Client, zone: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM dns.zone WHERE name = $1', [zone]);
  if (rowCount === 0) return;
  throw new AppError('ZONE_EXISTS', `The zone "${zone}" exists already`, {
    hint: 'To make it what the file says, and remove what the file lacks, give --replace',
  });
}

/** Canonical name of a zone that a person gave. @throws AppError ZONE_NAME */
export function checkName(name: string): string {
  try {
    return canonicalName(name);
  } catch (error) {
    if (!(error instanceof TextProblem)) throw error;
    throw new AppError('ZONE_NAME', error.message, { hint: error.hint, cause: error });
  }
}
