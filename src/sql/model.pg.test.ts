import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type pg from 'pg';
import { compileModels } from '../model/compile.ts';
import type { Model } from '../model/ir/ir.ts';
import { connect } from '../postgres/connect.ts';
import { compileTexts, moduleText, SEARCH_PATH } from '../../test/support/model-text.ts';
import type { TestServer } from '../../test/support/server.ts';
import { installModel } from '../../test/support/install.ts';
import { hasDebian15, startServer } from '../../test/support/server.ts';
import { modelDdl } from './ddl/entity-ddl.ts';
import { ROOT } from '../../test/support/root.ts';

const MODELS = join(ROOT, 'models');

/** [what, statement, SQLSTATE or name of the constraint that refuses it; undefined: it is taken]. */
type Row = [what: string, sql: string, refusedBy?: string];

const ZONE = `INSERT INTO dns.zone (name, soa_mname, soa_rname)`;
const RRSET = `INSERT INTO dns.rrset (zone, owner, type, rdata) VALUES ('example.net.',`;

const DNS: Row[] = [
  ['a zone', `${ZONE} VALUES ('example.net.', 'ns1.example.net.', 'john\\.doe.example.net.')`],
  ['the root', `${ZONE} VALUES ('.', 'a.root-servers.net.', 'nstld.verisign-grs.com.')`],
  ['upper case', `${ZONE} VALUES ('Example.com.', 'a.', 'b.')`, 'zone_name_check'],
  ['no final dot', `${ZONE} VALUES ('example.com', 'a.', 'b.')`, 'zone_name_check'],
  ['an empty label', `${ZONE} VALUES ('example..com.', 'a.', 'b.')`, 'zone_name_check'],
  ['no name', `${ZONE} VALUES ('', 'a.', 'b.')`, 'zone_name_check'],
  ['no mname', `INSERT INTO dns.zone (name, soa_rname) VALUES ('x.', 'b.')`, '23502'],
  ['serial too great', `UPDATE dns.zone SET soa_serial = 4294967296`, 'zone_soa_serial_check'],
  ['greatest serial', `UPDATE dns.zone SET soa_serial = 4294967295`],
  ['unknown kind', `UPDATE dns.zone SET kind = 'master'`, 'zone_kind_check'],
  ['a wildcard', `${RRSET} '*.example.net.', 'AAAA', '{2001:db8::1}')`],
  ['an underscore', `${RRSET} '_sip._tcp.example.net.', 'SRV', '{0 5 5060 sip.example.net.}')`],
  ['a blank as \\032', `${RRSET} 'a\\032b.example.net.', 'A', '{192.0.2.1}')`],
  ['a dot in a label', `${RRSET} 'a\\.b.example.net.', 'A', '{192.0.2.1}')`],
  ['an at sign', `${RRSET} 'a\\@b.example.net.', 'A', '{192.0.2.1}')`],
  ['every octet of a label', `${RRSET} '\\000\\127\\200\\255.example.net.', 'A', '{192.0.2.1}')`],
  ['RFC 2317', `${RRSET} '0/25.2.0.192.example.net.', 'CNAME', '{a.example.}')`],
  ['\\065 is a', `${RRSET} '\\065.example.net.', 'A', '{192.0.2.1}')`, 'rrset_owner_check'],
  ['\\256 is no octet', `${RRSET} '\\256.example.net.', 'A', '{192.0.2.1}')`, 'rrset_owner_check'],
  ['a bare blank', `${RRSET} 'a b.example.net.', 'A', '{192.0.2.1}')`, 'rrset_owner_check'],
  ['unknown type', `${RRSET} 'u.example.net.', 'TYPE65280', ARRAY['\\# 4 0a000001'])`],
  ['lower-case type', `${RRSET} 'v.example.net.', 'aaaa', '{::1}')`, 'rrset_type_check'],
  ['leading zero', `${RRSET} 'v.example.net.', 'TYPE01', '{::1}')`, 'rrset_type_check'],
  ['SOA', `${RRSET} 'example.net.', 'SOA', '{x}')`, 'rrset_type_must'],
  ['no records', `${RRSET} 'w.example.net.', 'A', '{}')`, 'rrset_rdata_check'],
  ['an empty record', `${RRSET} 'w.example.net.', 'A', '{""}')`, 'rrset_rdata_check'],
  ['the same record twice', `${RRSET} 'w.example.net.', 'A', '{a,b,a}')`, 'rrset_rdata_check'],
  ['a NULL record', `${RRSET} 'w.example.net.', 'A', '{a,NULL}')`, 'rrset_rdata_check'],
  ['a table of records', `${RRSET} 'w.example.net.', 'A', '{{a},{b}}')`, 'rrset_rdata_check'],
  ['a line break', `${RRSET} 'w.example.net.', 'A', ARRAY[E'a\\nb'])`, 'rrset_rdata_check'],
  ['many records', `${RRSET} 'w.example.net.', 'A', '{a,b,"c d",é}')`],
  ['TTL of 2^31', `UPDATE dns.rrset SET ttl = 2147483648`, 'rrset_ttl_check'],
  [
    'no zone',
    `INSERT INTO dns.rrset (zone, owner, type, rdata) VALUES ('x.', 'x.', 'A', '{a}')`,
    'rrset_zone_fkey',
  ],
  ['a zone takes its sets with it', `DELETE FROM dns.zone WHERE name = 'example.net.'`],
];

const LEASE = `INSERT INTO dhcp.lease4 (address, hwaddr, subnet_id, valid_lifetime, expire) VALUES`;

const DHCP: Row[] = [
  ['a lease', `${LEASE} ('192.0.2.1', '\\x000c01020304', 1, 3600, now())`],
  ['a network', `${LEASE} ('192.0.2.0/24', '\\x00', 1, 3600, now())`, 'lease4_address_check'],
  ['IPv6 as IPv4', `${LEASE} ('2001:db8::1', '\\x00', 1, 3600, now())`, 'lease4_address_check'],
  ['no holder', `${LEASE} ('192.0.2.2', NULL, 1, 3600, now())`, 'lease4_must'],
  ['unknown state', `UPDATE dhcp.lease4 SET state = 'free'`, 'lease4_state_check'],
  ['declined', `UPDATE dhcp.lease4 SET state = 'declined'`],
  [
    'preferred after valid',
    `INSERT INTO dhcp.lease6 (address, duid, iaid, preferred_lifetime, subnet_id, valid_lifetime, expire)
       VALUES ('2001:db8::1', '\\x000300', 1, 7200, 1, 3600, now())`,
    'lease6_preferred_lifetime_must',
  ],
];

const TYPES = moduleText(`
  identity animal; identity cat { base animal; } identity dog { base animal; }
  list row { key id; crp:entity "row"; leaf id { type uint8; }
    leaf i8 { type int8; } leaf u64 { type uint64; }
    leaf parts { type int32 { range "1..5 | 9"; } }
    leaf money { type decimal64 { fraction-digits 2; range "0..max"; } }
    leaf code { type string { length "2..4"; pattern '[a-z]+' ; pattern 'x.*' { modifier invert-match; } } }
    leaf data { type binary { length 2; } }
    leaf flags { type bits { bit a; bit b; bit c; } }
    leaf pet { type identityref { base animal; } }
    leaf mark { type empty; }
    leaf either { type union { type int8; type boolean; type enumeration { enum unlimited; } } }
    leaf when { type yang:date-and-time; }
    leaf mac { type yang:mac-address; }
    leaf net { type inet:ipv4-prefix; }
    leaf zoned { type inet:ip-address; }
    leaf-list ports { type uint16; max-elements 2; }
    leaf-list words { type string { length "2..3"; pattern '[a-z]*'; } }
    leaf-list days { type enumeration { enum mo; enum tu; } }
    choice how { leaf plain { type string; } case two { leaf one { type string; mandatory true; } leaf other { type string; } } }
    container extra { presence "x"; leaf need { type string; mandatory true; } leaf opt { type string; } }
    leaf cond { when "../code = 'abc'"; type string; }
  }`);

const set = (assignment: string): string => `UPDATE test."row" SET ${assignment}`;

const VALUES: Row[] = [
  ['a row', `INSERT INTO test."row" (id) VALUES (255)`],
  ['uint8 of 256', `INSERT INTO test."row" (id) VALUES (256)`, 'row_id_check'],
  ['int8 of -128', set('i8 = -128')],
  ['int8 of 128', set('i8 = 128'), 'row_i8_check'],
  ['greatest uint64', set('u64 = 18446744073709551615')],
  ['uint64 below zero', set('u64 = -1'), 'row_u64_check'],
  ['second part of a range', set('parts = 9')],
  ['between the parts', set('parts = 6'), 'row_parts_check'],
  ['decimal', set('money = 92233720368547758.07')],
  ['decimal below range', set('money = -0.01'), 'row_money_check'],
  ['string', set(`code = 'abc'`)],
  ['too long', set(`code = 'abcde'`), 'row_code_check'],
  ['against the pattern', set(`code = 'aB'`), 'row_code_check'],
  ['with the inverted pattern', set(`code = 'xa'`), 'row_code_check'],
  ['octets', set(`data = '\\x0102'`)],
  ['one octet', set(`data = '\\x01'`), 'row_data_check'],
  ['bits in order', set(`flags = 'a c'`)],
  ['no bits', set(`flags = ''`)],
  ['bits out of order', set(`flags = 'c a'`), 'row_flags_check'],
  ['identity', set(`pet = 'test-model:cat'`)],
  ['base identity', set(`pet = 'test-model:animal'`), 'row_pet_check'],
  ['empty', set('mark = true')],
  ['not empty', set('mark = false'), 'row_mark_check'],
  ['first member', set(`either = '-128'`)],
  ['second member', set(`either = 'true'`)],
  ['third member', set(`either = 'unlimited'`)],
  ['no member', set(`either = '128'`), 'row_either_check'],
  ['no member at all', set(`either = 'x'`), 'row_either_check'],
  ['time', set(`"when" = '2026-11-24T12:00:00+01:00'`)],
  ['MAC', set(`mac = '00:0c:01:02:03:04'`)],
  ['prefix', set(`net = '192.0.2.0/24'`)],
  ['prefix of the other family', set(`net = '2001:db8::/32'`), 'row_net_check'],
  ['address with zone', set(`zoned = 'fe80::1%eth0'`)],
  ['no address', set(`zoned = 'x'`), 'row_zoned_check'],
  ['numbers', set('ports = ARRAY[1, 65535]')],
  ['too great a number', set('ports = ARRAY[65536]'), 'row_ports_check'],
  ['too many numbers', set('ports = ARRAY[1,2,3]'), 'row_ports_check'],
  ['words', set(`words = '{ab,abc}'`)],
  ['a short word', set(`words = '{ab,a}'`), 'row_words_check'],
  ['a word against the pattern', set(`words = '{ab,aB}'`), 'row_words_check'],
  ['an empty word', set(`words = '{""}'`), 'row_words_check'],
  ['days', set(`days = '{tu,mo}'`)],
  ['no day', set(`days = '{we}'`), 'row_days_check'],
  ['one case', set(`plain = 'x'`)],
  ['two cases', set(`one = 'x'`), 'row_how_choice'],
  ['the other case', set(`plain = NULL, one = 'x'`)],
  ['its mandatory leaf is missing', set(`one = NULL, other = 'x'`), 'row_one_needed'],
  ['presence', set(`extra = true, extra_need = 'x'`)],
  ['in an absent container', set(`extra = false`), 'row_extra_presence'],
  ['mandatory when present', set(`extra_need = NULL`), 'row_extra_need_needed'],
  ['when it holds', set(`cond = 'x'`)],
  ['when it does not', set(`code = 'abd'`), 'row_cond_when'],
];

for (const version of [18, 15] as const) {
  const skip = version === 15 && !hasDebian15() ? 'no PostgreSQL 15 here' : false;
  test(`tables of models on PostgreSQL ${version}`, { skip }, async (t) => {
    const server = await startServer(version);
    try {
      await t.test('DNS', () => check(server, { name: 'dns', model: shipped('dns') }, DNS));
      await t.test('DHCP', () => check(server, { name: 'dhcp', model: shipped('dhcp') }, DHCP));
      await t.test('every shipped model', async () => {
        // That of adopted tables needs the tables.
        for (const name of readdirSync(MODELS).filter((folder) => !folder.startsWith('kea'))) {
          await check(server, { name: `shipped_${name}`, model: shipped(name) }, []);
        }
      });
      await t.test('all types', () => {
        const { models, diagnostics } = compileTexts(TYPES);
        assert.deepEqual(diagnostics, []);
        return check(server, { name: 'types', model: models[0]! }, VALUES);
      });
    } finally {
      await server.remove();
    }
  });
}

function shipped(name: string): Model {
  const folder = join(MODELS, name);
  const files = readdirSync(folder).filter((file) => file.endsWith('.yang'));
  const { models, diagnostics } = compileModels({
    files: files.map((file) => join(folder, file)),
    searchPath: SEARCH_PATH,
  });
  assert.deepEqual(diagnostics, []);
  return models[0]!;
}

async function check(
  server: TestServer,
  { name, model }: { name: string; model: Model },
  rows: readonly Row[],
): Promise<void> {
  const client = await connect(await server.createDatabase(name), 'test');
  try {
    await installModel(client, { name: 'a', number: 1 }, model);
    // All of it may run again.
    for (const statement of modelDdl(model, 1)) await client.query(statement);
    await asService(client, model.schema);
    for (const [what, sql, refusedBy] of rows) {
      assert.equal(await refusal(client, sql), refusedBy, `${what}: ${sql}`);
    }
  } finally {
    await client.end();
  }
}

/**
 * A role with rights on the model's tables only: the checks must need no right on schema crp. Roles are the
 * server's, so another database may have made it already.
 */
async function asService(client: pg.Client, schema: string): Promise<void> {
  await client.query(`CREATE ROLE service_${schema}`).catch(() => undefined);
  await client.query(`GRANT USAGE ON SCHEMA ${schema} TO service_${schema}`);
  await client.query(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO service_${schema}`,
  );
  await client.query(`SET ROLE service_${schema}`);
}

/** The constraint that refuses a statement, or the SQLSTATE; undefined when it is taken. */
async function refusal(client: pg.Client, sql: string): Promise<string | undefined> {
  try {
    await client.query(sql);
    return undefined;
  } catch (error) {
    const { constraint, code, message } = error as pg.DatabaseError;
    return constraint ?? code ?? message;
  }
}
