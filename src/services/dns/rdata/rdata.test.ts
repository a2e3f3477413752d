import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../../base/errors.ts';
import { parseName } from '../names.ts';
import { typeName, typeNumber } from '../rr-types.ts';
import { canonicalRdata, formatRdata } from './rdata.ts';
import { formattedTypes } from './type-formats.ts';

const ORIGIN = parseName('Example.NET.', undefined);
const KEY =
  'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==';
const SHA256 = '26584835ca80c81c91999f31cfaf2a0e89d4ff1c8fafd0ddb31a85c719277c13';
const HASH = '2t7b4g4vsa5smi47k61mv5bv1a22bojr';

/** Type, a text as a file may have it, the canonical text. */
const CANONICAL: [type: string, text: string, canonical: string][] = [
  ['A', '192.0.2.1', '192.0.2.1'],
  ['NS', 'NS1', 'ns1.example.net.'],
  ['MD', 'host', 'host.example.net.'],
  ['MF', 'host', 'host.example.net.'],
  ['CNAME', '@', 'example.net.'],
  ['CNAME', '.', '.'],
  [
    'SOA',
    'Ns Host\\.Master 01 1h 15m 1W2d 300',
    'ns.example.net. host\\.master.example.net. 1 3600 900 777600 300',
  ],
  ['MB', 'host', 'host.example.net.'],
  ['MG', 'host', 'host.example.net.'],
  ['MR', 'host', 'host.example.net.'],
  ['WKS', '192.0.2.1 TCP smtp 21', '192.0.2.1 6 21 25'],
  ['PTR', 'A.B.', 'a.b.'],
  ['HINFO', 'PC "Linux 6"', '"PC" "Linux 6"'],
  ['MINFO', 'a b.', 'a.example.net. b.'],
  ['MX', '010 Mail', '10 mail.example.net.'],
  ['TXT', 'a "b c" "" \\"\\;', '"a" "b c" "" "\\";"'],
  ['TXT', '"\\065\\000\\255\\x\\\\"', '"A\\000\\255x\\\\"'],
  ['TXT', '"caf\u00c3\u00a9"', '"caf\\195\\169"'],
  ['TXT', `"${'a'.repeat(600)}"`, `"${'a'.repeat(255)}" "${'a'.repeat(255)}" "${'a'.repeat(90)}"`],
  ['RP', 'Admin .', 'admin.example.net. .'],
  ['AFSDB', '1 Host', '1 host.example.net.'],
  ['X25', '311061700956', '"311061700956"'],
  ['ISDN', '150862028003217', '"150862028003217"'],
  ['ISDN', '"150862028003217" 004', '"150862028003217" "004"'],
  ['RT', '1 Host', '1 host.example.net.'],
  ['NSAP', '0x47.0005.80', '0x47000580'],
  ['NSAP-PTR', 'Host', 'host.example.net.'],
  [
    'SIG',
    'A 5 3 60 20300101000000 20200101000000 1 X AQID',
    'A 5 3 60 20300101000000 20200101000000 1 x.example.net. AQID',
  ],
  ['KEY', '49152 3 0', '49152 3 0'],
  ['PX', '1 A B', '1 a.example.net. b.example.net.'],
  ['GPOS', '-32.6 116 10.0', '"-32.6" "116" "10.0"'],
  ['AAAA', '2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['AAAA', '0:0:0:0:0:FFFF:192.0.2.1', '::ffff:192.0.2.1'],
  ['AAAA', '::', '::'],
  ['AAAA', '1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['LOC', '52 N 4 30 E 1', '52 0 0.000 N 4 30 0.000 E 1.00m 1m 10000m 10m'],
  ['LOC', '1 2 3.4 S 5 6 7.89 w -2.5m 0.01m 15m 0', '1 2 3.400 S 5 6 7.890 W -2.50m 0.01m 10m 0m'],
  ['SRV', '0 1 9 Box', '0 1 9 box.example.net.'],
  ['NAPTR', '1 2 u SIP+E2U "!^.*$!x\\\\1!" .', '1 2 "u" "SIP+E2U" "!^.*$!x\\\\1!" .'],
  ['KX', '1 Host', '1 host.example.net.'],
  ['CERT', 'pkix 1 RSASHA256 AQ ID', '1 1 8 AQID'],
  ['DNAME', 'Other.', 'other.'],
  ['APL', '1:224.0.0.0/4 !2:FF00::/8', '1:224.0.0.0/4 !2:ff00::/8'],
  ['APL', '', '\\# 0'],
  ['DS', `1 ECDSAP256SHA256 2 ${SHA256.toUpperCase()}`, `1 13 2 ${SHA256}`],
  ['CDS', '0 0 0 00', '0 0 0 00'],
  ['TA', `1 8 2 ${SHA256}`, `1 8 2 ${SHA256}`],
  ['DLV', `1 8 2 ${SHA256}`, `1 8 2 ${SHA256}`],
  [
    'RRSIG',
    'type65534 ED25519 3 60 1893456000 20200101000000 1 Net. AQ ID',
    'TYPE65534 15 3 60 20300101000000 20200101000000 1 net. AQID',
  ],
  ['NSEC', 'Next TYPE1234 RRSIG nsec a A', 'Next.Example.NET. A RRSIG NSEC TYPE1234'],
  ['DNSKEY', `257 3 13 ${KEY.slice(0, 40)} ${KEY.slice(40)}`, `257 3 13 ${KEY}`],
  ['CDNSKEY', '0 3 DELETE AA==', '0 3 0 AA=='],
  ['RKEY', '0 3 1 AQID', '0 3 1 AQID'],
  ['SSHFP', `4 2 ${SHA256.toUpperCase()}`, `4 2 ${SHA256}`],
  ['IPSECKEY', '10 0 2 . AQID', '10 0 2 . AQID'],
  ['IPSECKEY', '10 3 2 GW AQID', '10 3 2 GW.Example.NET. AQID'],
  ['IPSECKEY', '10 1 0 192.0.2.1', '10 1 0 192.0.2.1'],
  ['DHCID', 'AQ ID', 'AQID'],
  ['NSEC3', `1 0 012 AABB ${HASH.toUpperCase()} MX A`, `1 0 12 aabb ${HASH} A MX`],
  ['NSEC3', `1 1 0 - ${HASH}`, `1 1 0 - ${HASH}`],
  ['NSEC3PARAM', '1 0 0 -', '1 0 0 -'],
  ['TLSA', `3 1 1 ${SHA256.slice(0, 30)} ${SHA256.slice(30)}`, `3 1 1 ${SHA256}`],
  ['SMIMEA', '3 0 0 AA bb', '3 0 0 aabb'],
  ['HIP', '2 AABB AQID Rvs other.', '2 aabb AQID Rvs.Example.NET. other.'],
  ['NINFO', 'a', '"a"'],
  ['TALINK', 'a .', 'a.Example.NET. .'],
  ['OPENPGPKEY', 'AQID', 'AQID'],
  ['CSYNC', '66 3 NS A', '66 3 A NS'],
  ['ZONEMD', `1 1 1 ${'AB'.repeat(48)}`, `1 1 1 ${'ab'.repeat(48)}`],
  ['SVCB', '0 Foo', '0 Foo.Example.NET.'],
  [
    'HTTPS',
    '1 . port=0443 alpn=h3,h2 mandatory=port,alpn',
    '1 . mandatory=alpn,port alpn="h3,h2" port=443',
  ],
  ['HTTPS', '1 . alpn="f\\\\\\\\oo\\\\,bar,h2"', '1 . alpn="f\\\\\\\\oo\\\\,bar,h2"'],
  ['HTTPS', '1 . key3=\\001\\187 key1=\\002h2 key2', '1 . alpn="h2" no-default-alpn port=443'],
  [
    'SVCB',
    '1 . dohpath="/q{?dns}" ohttp key9="a b" ech=AQID',
    '1 . ech=AQID key7="/q{?dns}" key8 key9="a b"',
  ],
  [
    'SVCB',
    '1 . ipv6hint=2001:DB8::1,::1 ipv4hint="192.0.2.1,192.0.2.2"',
    '1 . ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1,::1',
  ],
  ['DSYNC', 'cds notify 5300 Host', 'CDS 1 5300 Host.Example.NET.'],
  ['HHIT', 'AQID', 'AQID'],
  ['BRID', 'AQID', 'AQID'],
  ['SPF', 'a', '"a"'],
  ['NID', '1 14:4FFF:ff20:0', '1 0014:4fff:ff20:0000'],
  ['L32', '1 10.1.2.0', '1 10.1.2.0'],
  ['L64', '1 2001:0DB8:1140:1000', '1 2001:0db8:1140:1000'],
  ['LP', '1 L64', '1 L64.Example.NET.'],
  ['EUI48', '00-00-5E-00-53-2A', '00-00-5e-00-53-2a'],
  ['EUI64', '00-00-5e-ef-10-00-00-2A', '00-00-5e-ef-10-00-00-2a'],
  ['URI', '1 2 ftp://a/b', '1 2 "ftp://a/b"'],
  ['CAA', '0 Issue ca.example', '0 Issue "ca.example"'],
  ['CAA', '128 tbs ""', '128 tbs ""'],
  ['AVC', 'a', '"a"'],
  ['DOA', '1 2 3 "text/plain" -', '1 2 3 "text/plain" -'],
  ['AMTRELAY', '10 1 3 Relay', '10 1 3 Relay.Example.NET.'],
  ['RESINFO', 'qnamemin', '"qnamemin"'],
  ['WALLET', 'a b', '"a" "b"'],
  ['TYPE1', '\\# 4 C0 00 02 01', '192.0.2.1'],
  ['MX', '\\# 8 000A 046D41494C 00', '10 mail.'],
  ['NULL', '\\# 2 ABCD', '\\# 2 abcd'],
  ['TYPE65280', '\\# 0', '\\# 0'],
  ['A6', '\\# 1 80', '\\# 1 80'],
];

for (const [type, text, canonical] of CANONICAL) {
  test(`${type} ${text.slice(0, 60)} is made canonical`, () => {
    const { text: found, wire } = canonicalRdata(type, text, ORIGIN);
    assert.equal(found, canonical);
    assert.deepEqual(canonicalRdata(type, canonical), { text: canonical, wire });
    const generic = `\\# ${wire.length} ${wire.toString('hex')}`;
    assert.deepEqual(canonicalRdata(type, generic), { text: canonical, wire });
    assert.equal(formatRdata(typeNumber(type)!, wire), canonical);
  });
}

test('every type with a format is in the table', () => {
  const tested = new Set(CANONICAL.map(([type]) => type));
  assert.deepEqual(
    formattedTypes()
      .map(typeName)
      .filter((type) => !tested.has(type)),
    [],
  );
});

const LABEL = 'a'.repeat(64);

/** Type, a wrong text, the column that is wrong, the message, and what the hint says. */
const WRONG: [type: string, text: string, column: number, message: RegExp, hint: RegExp][] = [
  ['A', '', 1, /line ends where an IPv4 address is wanted/, /Add what is missing/],
  ['A', '192.0.2.256', 1, /"192.0.2.256" is not an IPv4 address/, /0 to 255/],
  ['A', '192.0.2.1 x', 11, /"x" is left over/, /Remove it/],
  ['A', '"192.0.2.1"', 1, /is in quotes/, /Remove the quotes/],
  ['AAAA', 'fe80::1%eth0', 1, /is not an IPv6 address/, /RFC 4291/],
  ['AAAA', '1::2::3', 1, /is not an IPv6 address/, /RFC 4291/],
  ['NS', 'a..b', 1, /empty label/, /one dot/],
  ['NS', LABEL, 1, /a label has 64 octets/, /at most 63/],
  ['NS', `${'a.'.repeat(128)}`, 1, /more than 255 octets/, /at most 255/],
  ['NS', 'a\\256', 1, /has the escape "\\256"/, /three digits/],
  ['NS', 'a\\12', 1, /has the escape "\\12"/, /three digits/],
  ['NS', 'a\\', 1, /ends in a backslash/, /backslash/],
  ['MX', '65536 a', 1, /"65536" is not a number of 0 to 65535/, /decimal/],
  ['MX', '-1 a', 1, /"-1" is not a number/, /without sign/],
  ['HINFO', `"${'a'.repeat(256)}" b`, 1, /has 256 octets/, /at most 255/],
  ['SOA', 'a b 1 1x 1 1 1', 7, /"1x" is not a time/, /units/],
  ['DS', '1 8 2 aabb', 7, /type 2 has 32 octets, this one has 2/, /whole digest/],
  ['DS', '1 8 2', 5, /line ends where a digest is wanted/, /Add/],
  ['TLSA', '3 1 0 abc', 7, /"abc" is not hexadecimal/, /even number/],
  ['DNSKEY', '256 3 13 A*B=', 10, /"A\*B=" is not base64/, /RFC 4648/],
  ['DNSKEY', '256 3 13 AQI', 10, /is not base64/, /padding/],
  ['RRSIG', 'A 8 1 1 20200230000000 0 1 . AQID', 9, /"20200230000000" is not a time/, /YYYYMMDD/],
  ['RRSIG', 'FOO 8 1 1 0 0 1 . AQID', 1, /"FOO" is not a record type/, /RFC 3597/],
  ['NSEC', '. A TYPE65536', 5, /"TYPE65536" is not a record type/, /0 to 65535/],
  ['NSEC3', '1 0 0 - w A', 9, /"w" is not a hash in base 32/, /RFC 5155/],
  ['LOC', '52 60 N 4 E 1', 7, /"52 60" is not part of a coordinate/, /RFC 1876/],
  ['LOC', '91 N 4 E 1', 4, /"91" is not part/, /RFC 1876/],
  ['LOC', '52 N 4 E 1km', 10, /"1km" is not a length/, /metres/],
  ['APL', '3:1/1', 1, /is not an address prefix/, /RFC 3123/],
  ['IPSECKEY', '1 4 1 x AQID', 7, /4 is not a kind of gateway/, /3 for a name/],
  ['CAA', '0 is-sue x', 3, /"is-sue" is not a property tag/, /Letters and digits/],
  ['EUI48', '00-00-5e-00-53', 1, /is not an EUI-48 address/, /6 groups/],
  ['SVCB', '1 . foo=1', 5, /"foo" is not a key/, /Known are/],
  ['SVCB', '1 . port=1 port=2', 12, /"port" is there twice/, /Remove/],
  ['SVCB', '1 . no-default-alpn', 5, /without alpn/, /Add alpn/],
  ['SVCB', '1 . mandatory=port', 5, /mandatory key "port" has no value/, /RFC 9460/],
  ['SVCB', '1 . alpn="a"b', 10, /begins without a space/, /space between/],
  ['SVCB', '1 . alpn=a,,b', 5, /value of "alpn" is broken/, /RFC 9460/],
  ['SVCB', '1 . port', 5, /"port" has no value/, /port=/],
  ['A', '\\# 3 c00002', 6, /data is too short/, /length/],
  ['A', '\\# 5 c000020100', 6, /1 octets too many/, /length/],
  ['A', '\\# 4 c00002', 6, /length is 4, but 3 octets/, /RFC 3597/],
  ['NS', '\\# 2 c00c', 6, /compressed or broken name/, /length/],
  ['NSEC', '\\# 3 00 01 00', 12, /bitmap of types is broken/, /RFC 4034/],
  ['TYPE65280', 'abc', 1, /no text form of the data of TYPE65280/, /\\# LENGTH HEX/],
];

for (const [type, text, column, message, hint] of WRONG) {
  test(`${type} ${text.slice(0, 40)} is refused`, () => {
    assert.throws(
      () => canonicalRdata(type, text, ORIGIN),
      (error) => {
        assert.ok(error instanceof AppError, String(error));
        assert.equal(error.code, 'ZONE_SYNTAX');
        assert.match(error.message, new RegExp(`^${type} record:1:${column}: `));
        assert.match(error.message, message);
        assert.match(error.hint ?? '', hint);
        return true;
      },
    );
  });
}
