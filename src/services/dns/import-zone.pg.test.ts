import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Client } from 'pg';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { AppError } from '../../base/errors.ts';
import { connect } from '../../postgres/connect.ts';
import { exportZone } from './export-zone.ts';
import { importZone } from './import-zone.ts';
import type { ImportOptions } from './import-zone.ts';
import { compareNames, parseName } from './names.ts';

const TABLES = `
  DROP SCHEMA IF EXISTS dns CASCADE;
  CREATE SCHEMA dns;
  CREATE TABLE dns.zone (
    name text PRIMARY KEY, kind text NOT NULL, disabled boolean NOT NULL,
    soa_mname text NOT NULL, soa_rname text NOT NULL, soa_serial bigint NOT NULL,
    soa_refresh bigint NOT NULL, soa_retry bigint NOT NULL, soa_expire bigint NOT NULL,
    soa_minimum bigint NOT NULL, soa_ttl bigint NOT NULL);
  CREATE TABLE dns.rrset (
    zone text REFERENCES dns.zone ON DELETE CASCADE, owner text, type text,
    ttl bigint NOT NULL, rdata text[] NOT NULL, PRIMARY KEY (zone, owner, type));`;

const HEAD = `$TTL 3600
@ IN SOA ns1 hostmaster 2026010101 7200 3600 1209600 300
  IN NS ns1
  IN NS ns2.example.org.
`;
const BODY = `ns1 A 192.0.2.1
www 60 A 192.0.2.3
    60 A 192.0.2.2
    60 AAAA 2001:DB8:0::1
alias CNAME WWW
`;
const EXAMPLE = { origin: 'example.net' };

describe('import of a zone into PostgreSQL', () => {
  let server: TestServer;
  let client: Client;
  const folder = mkdtempSync(join(tmpdir(), 'zone-'));
  const file = join(folder, 'example.net.zone');

  before(async () => {
    server = await startServer(18);
    client = await connect(await server.createDatabase('dns'), 'test');
  });
  after(async () => {
    await client?.end();
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    await client.query(TABLES);
  });

  const load = (text: string, options: ImportOptions = EXAMPLE): ReturnType<typeof importZone> => {
    writeFileSync(file, text);
    return importZone(client, file, options);
  };
  const versions = async (): Promise<Map<string, string>> => {
    const { rows } = await client.query<{ key: string; version: string }>(
      `SELECT owner || ' ' || type AS key, xmin || ':' || ctid AS version FROM dns.rrset
       UNION ALL SELECT name, xmin || ':' || ctid FROM dns.zone`,
    );
    return new Map(rows.map(({ key, version }) => [key, version]));
  };
  const exported = async (zone = 'example.net'): Promise<string> => {
    let text = '';
    await exportZone(client, zone, (part) => {
      text += part;
    });
    return text;
  };
  const refused = async (work: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
    await assert.rejects(work, (error) => {
      assert.ok(error instanceof AppError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.ok(error.hint);
      return true;
    });
    const { rows } = await client.query('SELECT count(*)::int AS n FROM dns.zone');
    assert.deepEqual(rows, [{ n: 0 }]);
  };

  test('writes RRsets in canonical form', async () => {
    assert.deepEqual(await load(HEAD + BODY), {
      ...{ zone: 'example.net.', rrsets: 6, records: 8, added: 6, changed: 0, deleted: 0 },
      ...{ unchanged: 0, duplicates: 0, warnings: [] },
    });
    const { rows } = await client.query('SELECT * FROM dns.rrset ORDER BY owner, type');
    const zone = 'example.net.';
    assert.deepEqual(rows, [
      ...[{ zone, owner: `alias.${zone}`, type: 'CNAME', ttl: '3600', rdata: [`www.${zone}`] }],
      { zone, owner: zone, type: 'NS', ttl: '3600', rdata: [`ns1.${zone}`, 'ns2.example.org.'] },
      { zone, owner: `ns1.${zone}`, type: 'A', ttl: '3600', rdata: ['192.0.2.1'] },
      { zone, owner: `www.${zone}`, type: 'A', ttl: '60', rdata: ['192.0.2.2', '192.0.2.3'] },
      { zone, owner: `www.${zone}`, type: 'AAAA', ttl: '60', rdata: ['2001:db8::1'] },
    ]);
    const zones = await client.query('SELECT * FROM dns.zone');
    assert.deepEqual(zones.rows, [
      {
        ...{ name: zone, kind: 'native', disabled: false, soa_mname: `ns1.${zone}` },
        ...{ soa_rname: `hostmaster.${zone}`, soa_serial: '2026010101', soa_refresh: '7200' },
        ...{ soa_retry: '3600', soa_expire: '1209600', soa_minimum: '300', soa_ttl: '3600' },
      },
    ]);
  });

  test('takes the zone from the SOA record when no origin is given', async () => {
    const result = await load(`$ORIGIN Example.NET.\n${HEAD}${BODY}`, {});
    assert.equal(result.zone, 'example.net.');
  });

  test('refuses an existing zone without replace, and writes nothing for the same file', async () => {
    await load(HEAD + BODY);
    const first = await versions();
    await assert.rejects(load(HEAD + BODY), { code: 'ZONE_EXISTS' });
    await assert.rejects(load(`$ORIGIN example.net.\n${HEAD}`, {}), { code: 'ZONE_EXISTS' });
    const result = await load(HEAD + BODY, { ...EXAMPLE, replace: true });
    const { added, changed, deleted, unchanged } = result;
    assert.deepEqual([added, changed, deleted, unchanged], [0, 0, 0, 6]);
    assert.deepEqual(await versions(), first);
  });

  test('writes only the differences of a changed file', async () => {
    await load(HEAD + BODY);
    await client.query("UPDATE dns.zone SET disabled = true, kind = 'primary'");
    const first = await versions();
    const text = (HEAD + BODY)
      .replace('2026010101', '2026010102')
      .replace('192.0.2.3', '192.0.2.4')
      .replace('alias CNAME WWW', 'alias A 192.0.2.9');
    const result = await load(text, { ...EXAMPLE, replace: true });
    const { added, changed, deleted, unchanged } = result;
    assert.deepEqual([added, changed, deleted, unchanged], [1, 2, 1, 3]);
    const second = await versions();
    const same = [...second].filter(([key, version]) => first.get(key) === version);
    assert.deepEqual(same.map(([key]) => key).sort(), [
      ...['example.net. NS', 'ns1.example.net. A', 'www.example.net. AAAA'],
    ]);
    const { rows } = await client.query('SELECT kind, disabled, soa_serial FROM dns.zone');
    assert.deepEqual(rows, [{ kind: 'primary', disabled: true, soa_serial: '2026010102' }]);
  });

  test('a dry run tells the differences and writes nothing', async () => {
    await load(HEAD + BODY);
    const first = await versions();
    const options = { ...EXAMPLE, replace: true, dryRun: true };
    const result = await load(HEAD + BODY.replace('192.0.2.1', '192.0.2.7'), options);
    assert.deepEqual([result.changed, result.unchanged], [1, 5]);
    assert.deepEqual(await versions(), first);
  });

  test('drops duplicates and takes the first TTL, with warnings', async () => {
    const result = await load(
      `${HEAD}${BODY}WWW 90 IN A 192.0.2.2\nx A 192.0.2.5\nx A 192.0.2.5\n`,
    );
    assert.equal(result.duplicates, 2);
    assert.equal(result.warnings.length, 2);
    assert.match(result.warnings[0]!, /zone:6:1: .*"www.example.net." A .* 60 to 90; .*first, 60,/);
    assert.match(result.warnings[1]!, /2 duplicate records were dropped/);
  });

  test('refuses what is no zone, and leaves nothing', async () => {
    const cases: [text: string, code: string, message: RegExp][] = [
      ['', 'ZONE_INVALID', /has no SOA record/],
      ['$TTL 60\n@ NS ns1', 'ZONE_INVALID', /has no SOA record/],
      ['$TTL 60\n@ SOA a b 1 2 3 4 5\nx NS ns1', 'ZONE_INVALID', /has no NS record/],
      [`${HEAD}@ SOA a b 1 2 3 4 5`, 'ZONE_INVALID', /:5:1: a second SOA record/],
      [`${HEAD}x SOA a b 1 2 3 4 5`, 'ZONE_INVALID', /:5:1: a SOA record of "x.example.net."/],
      [`${HEAD}www.example.com. A 192.0.2.1`, 'ZONE_INVALID', /:5:1: .* outside the zone/],
      [`${HEAD}${BODY}alias TXT x`, 'ZONE_INVALID', /:9:1: .* CNAME record and other data \(TXT\)/],
      [`${HEAD}${BODY}alias CNAME ns1`, 'ZONE_INVALID', /:10:1: .* has 2 CNAME records/],
      [`${HEAD}${BODY}x A 192.0.2.300`, 'ZONE_SYNTAX', /:10:5: "192.0.2.300" is not an IPv4/],
    ];
    for (const [text, code, message] of cases) await refused(load(text), code, message);
    const missing = importZone(client, join(folder, 'missing'), EXAMPLE);
    await refused(missing, 'ZONE_FILE', /Cannot read/);
    await refused(importZone(client, folder, EXAMPLE), 'ZONE_FILE', /folder/);
    await refused(importZone(client, file, { origin: 'a..b' }), 'ZONE_NAME', /empty label/);
    // The session is still good.
    assert.equal((await load(HEAD + BODY)).added, 6);
  });

  test('a failed replacement leaves the zone as it was', async () => {
    await load(HEAD + BODY);
    const first = await versions();
    const options = { ...EXAMPLE, replace: true };
    await assert.rejects(load(`${HEAD}x A 1.2.3`, options), { code: 'ZONE_SYNTAX' });
    assert.deepEqual(await versions(), first);
  });

  test('explains what the database refuses', async () => {
    await client.query('ALTER TABLE dns.rrset ADD CHECK (ttl < 1000)');
    await refused(load(HEAD + BODY), 'ZONE_REFUSED', /rrset_ttl_check/);
    await client.query('DROP SCHEMA dns CASCADE');
    await assert.rejects(load(HEAD + BODY), { code: 'ZONE_SCHEMA' });
    await assert.rejects(exported(), { code: 'ZONE_SCHEMA' });
  });

  test('keeps DNSSEC records beside a CNAME record', async () => {
    const nsec = 'alias NSEC ns1 CNAME NSEC\n';
    assert.equal((await load(HEAD + BODY + nsec)).added, 7);
  });

  test('exports what it imported, in canonical order', async () => {
    const labels = [
      'b',
      'a.b',
      '\\200.b',
      'z.B',
      '\\000',
      'a\\.b',
      '*',
      'yy',
      'y\\010',
      '-a',
      '_a',
    ];
    const text = HEAD + labels.map((label) => `${label} A 192.0.2.1\n`).join('');
    await load(text);
    const first = await exported();
    const owners = first.split('\n').map((line) => line.split('\t')[0]!);
    const names = [...new Set(owners)].filter((owner) => owner !== '');
    const wire = names.map((name) => parseName(name, undefined));
    assert.equal(names.length, labels.length + 1);
    assert.deepEqual([...wire].sort(compareNames), wire);
    const again = await load(first, { replace: true });
    assert.equal(again.unchanged, again.rrsets);
    assert.equal(await exported(), first);
    await assert.rejects(exported('example.org'), { code: 'ZONE_MISSING' });
  });

  test('imports, compares and exports 100,000 records', async () => {
    const count = 25_000;
    const generated = `$GENERATE 1-${count} h$ A 10.0.0.1
$GENERATE 1-${count} h$ AAAA 2001:db8::\${0,0,x}
$GENERATE 1-${count} h$ TXT "\\"host number $\\""
$GENERATE 1-${count} h$ MX "10 h$"
`;
    const result = await load(HEAD + generated);
    assert.deepEqual([result.records, result.added], [4 * count + 3, 4 * count + 2]);
    const options = { ...EXAMPLE, replace: true };
    const again = await load(HEAD + generated.replace('10.0.0.1', '10.0.0.2'), options);
    assert.deepEqual([again.changed, again.unchanged], [count, 3 * count + 2]);
    const text = await exported();
    assert.equal(text.split('\n').length, 4 * count + 4);
  });
});
