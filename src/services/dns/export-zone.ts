import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { explainDatabaseError } from './database-errors.ts';
import { checkName } from './import-zone.ts';
import { typeNumber } from './rr-types.ts';

/** Takes a piece of the text; a promise holds the next piece back. */
export type WriteText = (text: string) => void | Promise<void>;

export interface ExportResult {
  zone: string;
  /** With the SOA record as one. */
  rrsets: number;
  records: number;
}

interface RrsetRow {
  owner: string;
  type: string;
  ttl: string;
  rdata: string[];
}

/** Rows fetched at a time. */
const FETCH = 2000;

/**
 * Key of the canonical order of names (RFC 4034 §6.1) as text: the labels from the right, each in hexadecimal,
 * with dots between; the dot sorts before every digit, so that a name comes right before what is below it.
 * Names with escapes (`\DDD`, `\X`) are taken apart first.
 */
const OWNER_KEY = `(
  CASE WHEN strpos(owner, '\\') = 0 THEN (
    SELECT string_agg(encode(convert_to(label, 'UTF8'), 'hex'), '.' ORDER BY n DESC)
    FROM unnest(string_to_array(rtrim(owner, '.'), '.')) WITH ORDINALITY AS l (label, n)
  ) ELSE (
    SELECT string_agg((
      SELECT string_agg(CASE WHEN length(c[1]) = 4 THEN lpad(to_hex(substr(c[1], 2)::int), 2, '0')
        ELSE encode(convert_to(right(c[1], 1), 'UTF8'), 'hex') END, '' ORDER BY i)
      FROM regexp_matches(label[1], '\\\\[0-9]{3}|\\\\.|.', 'g') WITH ORDINALITY AS o (c, i)
    ), '.' ORDER BY n DESC)
    FROM regexp_matches(owner, '((?:[^\\\\.]|\\\\[0-9]{3}|\\\\[^0-9])+)\\.', 'g') WITH ORDINALITY AS l (label, n)
  ) END COLLATE "C")`;

/**
 * Writes a zone as a master file that needs no origin: the SOA record first, then by name in canonical order
 * and by type number, always the same text for the same data. In one read-only transaction of its own, so
 * the session must not be in one.
 *
 * @throws AppError ZONE_MISSING, ZONE_NAME, ZONE_SCHEMA, ZONE_RIGHTS
 */
export async function exportZone(
  client: Client,
  name: string,
  write: WriteText,
): Promise<ExportResult> {
  const zone = checkName(name);
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await write(await soaLine(client, zone));
    const counts = await writeRrsets(client, zone, write);
    await client.query('COMMIT');
    return { zone, rrsets: counts.rrsets + 1, records: counts.records + 1 };
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw explainDatabaseError(error);
  }
}

async function soaLine(client: Client, zone: string): Promise<string> {
  const { rows } = await client.query<{ ttl: string; rdata: string }>(
    `SELECT soa_ttl AS ttl, concat_ws(' ', soa_mname, soa_rname, soa_serial, soa_refresh, soa_retry,
       soa_expire, soa_minimum) AS rdata FROM dns.zone WHERE name = $1`,
    [zone],
  );
  const row = rows[0];
  if (row !== undefined) return recordLine({ owner: zone, type: 'SOA', ttl: row.ttl }, row.rdata);
  throw new AppError('ZONE_MISSING', `There is no zone "${zone}"`, {
    hint: 'The zones are in the table dns.zone: SELECT name FROM dns.zone',
  });
}

async function writeRrsets(
  client: Client,
  zone: string,
  write: WriteText,
): Promise<{ rrsets: number; records: number }> {
  await client.query(
    `DECLARE dns_export NO SCROLL CURSOR FOR
     SELECT owner, type, ttl, rdata FROM dns.rrset WHERE zone = ${client.escapeLiteral(zone)}
     ORDER BY ${OWNER_KEY} NULLS FIRST, owner COLLATE "C"`,
  );
  const counts = { rrsets: 0, records: 0 };
  let sameOwner: RrsetRow[] = [];
  for (;;) {
    const { rows } = await client.query<RrsetRow>(`FETCH ${FETCH} FROM dns_export`);
    const lines: string[] = [];
    for (const row of rows) {
      counts.rrsets += 1;
      counts.records += row.rdata.length;
      if (sameOwner.length > 0 && sameOwner[0]!.owner !== row.owner) {
        lines.push(ownerLines(sameOwner));
        sameOwner = [];
      }
      sameOwner.push(row);
    }
    if (rows.length === 0) lines.push(ownerLines(sameOwner));
    if (lines.length > 0) await write(lines.join(''));
    if (rows.length === 0) return counts;
  }
}

function ownerLines(rows: RrsetRow[]): string {
  rows.sort((one, other) => (typeNumber(one.type) ?? 0) - (typeNumber(other.type) ?? 0));
  return rows.flatMap((row) => row.rdata.map((rdata) => recordLine(row, rdata))).join('');
}

function recordLine(head: { owner: string; type: string; ttl: string }, rdata: string): string {
  return `${head.owner}\t${head.ttl}\tIN\t${head.type}\t${rdata}\n`;
}
