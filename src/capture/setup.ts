import type { Client } from 'pg';
import type { Journal } from '../journal/journal.ts';
import { endOnAbort } from '../postgres/cancel.ts';
import { withConnection } from '../postgres/connect.ts';
import { parseLsn } from '../postgres/lsn.ts';
import type { PluginOption } from '../postgres/replication.ts';
import { notedPosition } from './confirmation.ts';
import { checkSlot } from './continuity.ts';
import type { LastCaptured, SlotState } from './continuity.ts';
import { TYPE_NAMES } from './relations.ts';
import type { TableNames } from './table-names.ts';

/**
 * Memory of transactions in progress beyond which the walsender sends the largest one while it runs, in kB
 * (`logical_decoding_work_mem`). Less than the default of 64 MB, so that the other sites begin early and
 * neither server nor agent holds much; a lower setting of the server's counts.
 */
const DECODING_KB = 8192;

/** What capture has to know of the database: names of types and tables, and how much its walsender may hold. */
export async function readSettings(
  dsn: string,
  names?: TableNames,
): Promise<{ types: Map<number, string>; memoryKb: number }> {
  return withConnection(dsn, 'syncline capture setup', async (client) => {
    await names?.read(client);
    const found = await client.query<{ oid: string; name: string }>(TYPE_NAMES);
    const { rows } = await client.query<{ kb: number }>(
      `SELECT least(setting::integer, ${DECODING_KB}) AS kb FROM pg_settings WHERE name = 'logical_decoding_work_mem'`,
    );
    const types = new Map(found.rows.map((row) => [Number(row.oid), row.name]));
    return { types, memoryKb: rows[0]!.kb };
  });
}

/** The slot as it is, and the end of the WAL, read after it: what the slot confirms is before that. */
export async function readSlot(dsn: string, slot: string): Promise<SlotState> {
  return withConnection(dsn, 'syncline capture setup', (client) => slotState(client, slot));
}

async function slotState(client: Client, slot: string): Promise<SlotState> {
  const { rows } = await client.query<{ confirmed: string; lost: boolean }>(
    `SELECT confirmed_flush_lsn::text AS confirmed, wal_status = 'lost' AS lost
     FROM pg_replication_slots WHERE slot_name = $1`,
    [slot],
  );
  const end = await client.query<{ written: string }>(
    'SELECT pg_current_wal_insert_lsn()::text AS written',
  );
  const found = rows[0];
  return {
    written: parseLsn(end.rows[0]!.written),
    slot: found && { confirmed: parseLsn(found.confirmed), lost: found.lost },
  };
}

/**
 * Makes the slot if there is none, which waits for all transactions of the server that have written.
 *
 * @param signal gives up
 * @returns where it begins
 * @throws the database's error
 */
export async function ensureSlot(dsn: string, slot: string, signal?: AbortSignal): Promise<bigint> {
  return withConnection(dsn, 'syncline capture setup', async (client) => {
    await endOnAbort(client, dsn, signal);
    const { slot: found } = await slotState(client, slot);
    if (found !== undefined) return found.confirmed;
    const { rows } = await client.query<{ lsn: string }>(
      `SELECT lsn::text FROM pg_create_logical_replication_slot($1, 'pgoutput')`,
      [slot],
    );
    return parseLsn(rows[0]!.lsn);
  });
}

/**
 * The last transaction in the journal, where the slot is before it: then it is read again.
 *
 * @throws those of `checkSlot`
 */
export async function lastCaptured(of: {
  site: { number: number };
  dsn: string;
  slot: string;
  journal: Journal;
}): Promise<LastCaptured | undefined> {
  const { dsn, slot, journal } = of;
  const site = of.site.number;
  const state = await readSlot(dsn, slot);
  const confirmed = checkSlot(state, { journal, site, slot, noted: notedPosition(journal) });
  const position = journal.position(site);
  return confirmed < position ? { position, time: journal.time(site) } : undefined;
}

/** Options of pgoutput (PostgreSQL manual, 53.5.1); `origin` exists from PostgreSQL 16 on. */
export function pluginOptions(of: { publication: string; serverMajor: number }): PluginOption[] {
  return [
    ['proto_version', '2'],
    ['publication_names', of.publication],
    ['binary', 'true'],
    ['messages', 'true'],
    ['streaming', 'on'],
    ...(of.serverMajor >= 16 ? [['origin', 'none'] as const] : []),
  ];
}
