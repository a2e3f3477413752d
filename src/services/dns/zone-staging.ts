import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { AppError } from '../../base/errors.ts';
import type { ZoneRecord } from './master-file.ts';
import { describePlace } from './problem.ts';
import { typeName } from './rr-types.ts';

/*
 * The records of a file in temporary tables of the session, where the database puts them together to RRsets
 * (RFC 2181 §5) and checks what concerns a whole set. The memory that this takes here is one batch of records.
 */

/** Types that may stand beside a CNAME record (RFC 4034 §2.5, §3, §4; RFC 2535 §2.3.5 for the old ones). */
const BESIDE_CNAME = ['CNAME', 'RRSIG', 'NSEC', 'SIG', 'KEY', 'NXT'];

/** Types of which a name has at most one record (RFC 2181 §10.1, RFC 6672 §2.4). */
const SINGLE = ['CNAME', 'DNAME'];

/** RRsets that are named in warnings. */
const MAX_NAMED = 20;

/**
 * Creates the tables; they go with the transaction. Types and collations are those of `dns.rrset`, so that
 * comparing needs no conversion.
 */
export async function createStaging(client: Client): Promise<void> {
  await client.query(`
    CREATE TEMPORARY TABLE dns_import_record ON COMMIT DROP AS
      SELECT 0::bigint AS seq, ''::text AS place, owner, type, ttl, rdata[1] AS rdata, ''::bytea AS wire
      FROM dns.rrset WITH NO DATA`);
  await client.query(`
    CREATE TEMPORARY TABLE dns_import_rrset ON COMMIT DROP AS
      SELECT owner, type, ttl, rdata FROM dns.rrset WITH NO DATA`);
}

/** Copies records into the first table, `batchSize` at a time; returns how many. */
export async function stageRecords(
  client: Client,
  records: Iterable<ZoneRecord>,
  batchSize: number,
): Promise<number> {
  let seq = 0;
  function* batches(): Generator<Buffer> {
    let lines = '';
    for (const record of records) {
      lines += copyLine(seq, record);
      seq += 1;
      if (seq % batchSize !== 0) continue;
      yield Buffer.from(lines);
      lines = '';
    }
    if (lines !== '') yield Buffer.from(lines);
  }
  const copy = client.query(copyFrom('COPY pg_temp.dns_import_record FROM STDIN'));
  await pipeline(Readable.from(batches(), { highWaterMark: 2 }), copy);
  return seq;
}

/** A line of COPY's text format (PostgreSQL manual, COPY, "Text Format"). */
function copyLine(seq: number, { place, owner, type, ttl, rdata, wire }: ZoneRecord): string {
  const texts = [describePlace(place), owner, typeName(type)].map(escapeCopy).join('\t');
  return `${seq}\t${texts}\t${ttl}\t${escapeCopy(rdata)}\t\\\\x${wire.toString('hex')}\n`;
}

const COPY_ESCAPES: Record<string, string> = {
  ...{ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' },
};

function escapeCopy(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => COPY_ESCAPES[character]!);
}

/**
 * Makes the RRsets: equal records once, the TTL of the first record (as BIND does), the data in canonical
 * order (RFC 4034 §6.3, which is the order of `bytea`). Sorting is by octets, whatever the collation.
 *
 * @returns the number of records in all sets, and of sets
 */
export async function groupRecords(client: Client): Promise<{ records: number; rrsets: number }> {
  const { rows } = await client.query<{ records: string; rrsets: string }>(`
    WITH one AS (
      SELECT DISTINCT ON (owner COLLATE "C", type COLLATE "C", wire) owner, type, ttl, rdata, wire, seq
      FROM pg_temp.dns_import_record
      ORDER BY owner COLLATE "C", type COLLATE "C", wire, seq
    ), rrset AS (
      INSERT INTO pg_temp.dns_import_rrset (owner, type, ttl, rdata)
      SELECT owner, type, (array_agg(ttl ORDER BY seq))[1], array_agg(rdata ORDER BY wire)
      FROM one GROUP BY owner, type
      RETURNING cardinality(rdata) AS size
    )
    SELECT coalesce(sum(size), 0) AS records, count(*) AS rrsets FROM rrset`);
  await client.query('ANALYZE pg_temp.dns_import_rrset');
  return { records: Number(rows[0]!.records), rrsets: Number(rows[0]!.rrsets) };
}

/**
 * Checks the sets.
 *
 * @throws AppError ZONE_INVALID for CNAME beside other data, or several records of CNAME or DNAME
 */
export async function checkSets(client: Client): Promise<void> {
  await refuse(client, {
    sql: `SELECT c.owner, c.type, string_agg(o.type, ', ' ORDER BY o.type) AS others
      FROM pg_temp.dns_import_rrset c JOIN pg_temp.dns_import_rrset o ON o.owner = c.owner
      WHERE c.type = 'CNAME' AND o.type <> ALL ($1) GROUP BY c.owner, c.type ORDER BY c.owner LIMIT 1`,
    parameters: [BESIDE_CNAME],
    message: (owner, others) => `"${owner}" has a CNAME record and other data (${others})`,
    hint: 'Remove the CNAME record or the other records: an alias has no data of its own (RFC 2181 §10.1)',
  });
  await refuse(client, {
    sql: `SELECT owner, type, cardinality(rdata) || ' ' || type AS others
      FROM pg_temp.dns_import_rrset
      WHERE type = ANY ($1) AND cardinality(rdata) > 1 ORDER BY owner LIMIT 1`,
    parameters: [SINGLE],
    message: (owner, others) => `"${owner}" has ${others} records`,
    hint: 'Keep one of them: a name has at most one such record (RFC 2181 §10.1, RFC 6672 §2.4)',
  });
}

interface Refusal {
  sql: string;
  parameters: unknown[];
  message: (owner: string, others: string) => string;
  hint: string;
}

async function refuse(client: Client, refusal: Refusal): Promise<void> {
  const found = await client.query<{ owner: string; type: string; others: string }>(
    refusal.sql,
    refusal.parameters,
  );
  const row = found.rows[0];
  if (row === undefined) return;
  const { rows } = await client.query<{ place: string }>(
    `SELECT place FROM pg_temp.dns_import_record WHERE owner = $1 AND type = $2 ORDER BY seq DESC LIMIT 1`,
    [row.owner, row.type],
  );
  const message = `${rows[0]!.place}: ${refusal.message(row.owner, row.others)}`;
  throw new AppError('ZONE_INVALID', message, { hint: refusal.hint });
}

/** Warnings for sets whose records have different TTLs (RFC 2181 §5.2). */
export async function ttlWarnings(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ text: string; total: string }>(
    `SELECT (array_agg(place ORDER BY seq))[1] || ': the records of "' || owner || '" ' || type
        || ' have different TTLs, ' || min(ttl) || ' to ' || max(ttl)
        || '; that of the first, ' || (array_agg(ttl ORDER BY seq))[1] || ', is used' AS text,
      count(*) OVER () AS total
      FROM pg_temp.dns_import_record GROUP BY owner, type HAVING min(ttl) <> max(ttl)
      ORDER BY min(seq) LIMIT $1`,
    [MAX_NAMED],
  );
  const more = Number(rows[0]?.total ?? 0) - rows.length;
  const texts = rows.map(({ text }) => text);
  return more > 0 ? [...texts, `${more} more RRsets whose records have different TTLs`] : texts;
}
