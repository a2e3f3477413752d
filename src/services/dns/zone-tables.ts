import type { Client } from 'pg';
import type { SoaRecord } from './zone-records.ts';

/** How many rows a step wrote. */
export interface Changes {
  added: number;
  changed: number;
  deleted: number;
}

/** Locks the row of a zone against other imports and against new RRsets; false when there is none. */
export async function lockZone(client: Client, zone: string): Promise<boolean> {
  // By primary key. FOR UPDATE blocks the FOR KEY SHARE of the foreign key of dns.rrset.
  const { rowCount } = await client.query('SELECT FROM dns.zone WHERE name = $1 FOR UPDATE', [
    zone,
  ]);
  return rowCount === 1;
}

/** Writes a new zone row. */
export async function insertZone(client: Client, zone: string, soa: SoaRecord): Promise<Changes> {
  await client.query(
    `INSERT INTO dns.zone (name, kind, disabled, soa_mname, soa_rname, soa_serial, soa_refresh,
       soa_retry, soa_expire, soa_minimum, soa_ttl)
     VALUES ($1, 'native', false, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [zone, ...soaValues(soa)],
  );
  return { added: 1, changed: 0, deleted: 0 };
}

/** Writes the SOA columns where one of them differs; kind and state are not in the file and stay. */
export async function updateZone(client: Client, zone: string, soa: SoaRecord): Promise<Changes> {
  const columns =
    'soa_mname, soa_rname, soa_serial, soa_refresh, soa_retry, soa_expire, soa_minimum, soa_ttl';
  const values = '$2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint';
  const { rowCount } = await client.query(
    `UPDATE dns.zone SET (${columns}) = ROW (${values})
     WHERE name = $1 AND (${columns}) IS DISTINCT FROM (${values})`,
    [zone, ...soaValues(soa)],
  );
  return { added: 0, changed: rowCount ?? 0, deleted: 0 };
}

function soaValues(soa: SoaRecord): (string | number)[] {
  const { mname, rname, serial, refresh, retry, expire, minimum, ttl } = soa;
  return [mname, rname, serial, refresh, retry, expire, minimum, ttl];
}

/**
 * Makes the zone's RRsets those of the staging table, and writes only what differs. Deletes come first and
 * inserts last: a name may change from a CNAME record to other data.
 */
export async function writeRrsets(client: Client, zone: string): Promise<Changes> {
  const deleted = await client.query(
    `DELETE FROM dns.rrset r WHERE zone = $1 AND NOT EXISTS (
       SELECT FROM pg_temp.dns_import_rrset s WHERE s.owner = r.owner AND s.type = r.type)`,
    [zone],
  );
  const changed = await client.query(
    `UPDATE dns.rrset r SET ttl = s.ttl, rdata = s.rdata FROM pg_temp.dns_import_rrset s
     WHERE r.zone = $1 AND r.owner = s.owner AND r.type = s.type
       AND (r.ttl, r.rdata) IS DISTINCT FROM (s.ttl, s.rdata)`,
    [zone],
  );
  const added = await client.query(
    `INSERT INTO dns.rrset (zone, owner, type, ttl, rdata)
     SELECT $1, owner, type, ttl, rdata FROM pg_temp.dns_import_rrset s WHERE NOT EXISTS (
       SELECT FROM dns.rrset r WHERE r.zone = $1 AND r.owner = s.owner AND r.type = s.type)`,
    [zone],
  );
  return {
    added: added.rowCount ?? 0,
    changed: changed.rowCount ?? 0,
    deleted: deleted.rowCount ?? 0,
  };
}
