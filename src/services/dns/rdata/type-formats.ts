import { TextProblem } from '../problem.ts';
import { typeNumber } from '../rr-types.ts';
import { addressPrefixes } from './address-prefixes.ts';
import type { Field } from './field.ts';
import { ipv4, ipv6 } from './fields-address.ts';
import { base64Rest, base64RestOrDash, base64RestOrNone } from './fields-binary.ts';
import { hash, hexRest, salt } from './fields-binary.ts';
import { grouped, mnemonic, seconds, signatureTime, typeField, u16 } from './fields-number.ts';
import { u32, u8 } from './fields-number.ts';
import { caaTag, casedName, casedNames, name, restString } from './fields-text.ts';
import { string, strings } from './fields-text.ts';
import { amtRelay, hostIdentity, ipsecKey, nsapAddress, wellKnownServices } from './gateway.ts';
import { location } from './location.ts';
import { serviceParams } from './service-params.ts';
import { typeBitmap } from './type-bitmap.ts';

/** How the RDATA of a type is written: its fields in order, and a rule between them if there is one. */
export interface TypeFormat {
  fields: readonly Field[];
  /** @throws TextProblem when the parts, each right, are wrong together */
  check?: (wire: Buffer) => void;
}

/** Algorithm numbers of DNSSEC (IANA registry; RFC 4034 appendix A.1 for the mnemonics). */
// prettier-ignore
const algorithm = mnemonic('an algorithm', 8, {
  DELETE: 0, RSAMD5: 1, DH: 2, DSA: 3, ECC: 4, RSASHA1: 5, 'DSA-NSEC3-SHA1': 6, NSEC3DSA: 6,
  'RSASHA1-NSEC3-SHA1': 7, NSEC3RSASHA1: 7, RSASHA256: 8, RSASHA512: 10, 'ECC-GOST': 12, ECCGOST: 12,
  ECDSAP256SHA256: 13, ECDSAP384SHA384: 14, ED25519: 15, ED448: 16, INDIRECT: 252, PRIVATEDNS: 253,
  PRIVATEOID: 254,
});

/** Kinds of certificates (RFC 4398 §2.1). */
// prettier-ignore
const certificateType = mnemonic('a certificate type', 16, {
  PKIX: 1, SPKI: 2, PGP: 3, IPKIX: 4, ISPKI: 5, IPGP: 6, ACPKIX: 7, IACPKIX: 8, URI: 253, OID: 254,
});

/** The digest after the octet `at` has the length that goes with the octet's value, if that is known. */
function digestLength(at: number, lengths: Record<number, number>): (wire: Buffer) => void {
  return (wire) => {
    const wanted = lengths[wire[at]!];
    const found = wire.length - at - 1;
    if (wanted === undefined || found === wanted) return;
    throw new TextProblem(
      `a digest of type ${wire[at]} has ${wanted} octets, this one has ${found}`,
      'Copy the whole digest, or correct its type',
    );
  };
}

/** SHA-1, SHA-256, GOST R 34.11-94, SHA-384 (RFC 4034, 4509, 5933, 6605). */
const DS_DIGESTS = { 1: 20, 2: 32, 3: 32, 4: 48 };

const key: TypeFormat = {
  fields: [u16('flags'), u8('a protocol'), algorithm, base64RestOrNone('a key')],
};
const ds: TypeFormat = {
  fields: [u16('a key tag'), algorithm, u8('a digest type'), hexRest('a digest')],
  check: digestLength(3, DS_DIGESTS),
};
const signature: TypeFormat = {
  fields: [
    ...[typeField('a covered type'), algorithm, u8('a number of labels'), u32('a TTL')],
    ...[signatureTime('an expiration'), signatureTime('an inception'), u16('a key tag')],
    ...[name("the signer's name"), base64Rest('a signature')],
  ],
};
const certificateUse: TypeFormat = {
  fields: [u8('a usage'), u8('a selector'), u8('a matching type'), hexRest('certificate data')],
  check: digestLength(2, { 1: 32, 2: 64 }),
};
const service: TypeFormat = { fields: [u16('a priority'), casedName('a target'), serviceParams] };
const text: TypeFormat = { fields: [strings] };
const oneName: TypeFormat = { fields: [name('a name')] };
const preferredName: TypeFormat = { fields: [u16('a preference'), name('a name')] };
const quad = { octets: 2, by: ':', short: true };
const dashes = { octets: 1, by: '-', short: false };

/** Formats by mnemonic, each with the RFC that defines its text. */
const FORMATS: Record<string, TypeFormat> = {
  // RFC 1035 §3.3, §3.4
  A: { fields: [ipv4] },
  NS: oneName,
  MD: oneName,
  MF: oneName,
  CNAME: oneName,
  SOA: {
    fields: [
      ...[name('a primary server'), name('a mailbox'), u32('a serial'), seconds('a refresh time')],
      ...[seconds('a retry time'), seconds('an expiry time'), seconds('a minimum TTL')],
    ],
  },
  MB: oneName,
  MG: oneName,
  MR: oneName,
  WKS: { fields: [wellKnownServices] },
  PTR: oneName,
  HINFO: { fields: [string('a CPU'), string('an operating system')] },
  MINFO: { fields: [name('a mailbox'), name('a mailbox for errors')] },
  MX: preferredName,
  TXT: text,
  // RFC 1183
  RP: { fields: [name('a mailbox'), name('a name of texts')] },
  AFSDB: preferredName,
  X25: { fields: [string('an address')] },
  ISDN: { fields: [string('an address'), string('a subaddress', true)] },
  RT: preferredName,
  // RFC 1706
  NSAP: { fields: [nsapAddress] },
  // RFC 1348
  'NSAP-PTR': oneName,
  // RFC 2535, obsolete but for SIG(0) (RFC 2931)
  SIG: signature,
  KEY: key,
  // RFC 2163
  PX: { fields: [u16('a preference'), name('a domain'), name('an X.400 domain')] },
  // RFC 1712
  GPOS: { fields: [string('a longitude'), string('a latitude'), string('an altitude')] },
  // RFC 3596
  AAAA: { fields: [ipv6] },
  LOC: { fields: [location] },
  // RFC 2782
  SRV: { fields: [u16('a priority'), u16('a weight'), u16('a port'), name('a target')] },
  // RFC 3403 §4
  NAPTR: {
    fields: [
      ...[u16('an order'), u16('a preference'), string('flags'), string('services')],
      ...[string('a regular expression'), name('a replacement')],
    ],
  },
  // RFC 2230
  KX: preferredName,
  // RFC 4398
  CERT: { fields: [certificateType, u16('a key tag'), algorithm, base64Rest('a certificate')] },
  // RFC 6672
  DNAME: oneName,
  APL: { fields: [addressPrefixes] },
  // RFC 4034, RFC 7344 (CDS, CDNSKEY), RFC 4431 (DLV)
  DS: ds,
  CDS: {
    ...ds,
    // Digest type 0 asks the parent to remove the DS records (RFC 8078 §4).
    check: digestLength(3, { ...DS_DIGESTS, 0: 1 }),
  },
  TA: ds,
  DLV: ds,
  RRSIG: signature,
  NSEC: { fields: [casedName('the next name'), typeBitmap] },
  DNSKEY: key,
  CDNSKEY: key,
  RKEY: key,
  // RFC 4255, RFC 6594
  SSHFP: {
    fields: [u8('an algorithm'), u8('a fingerprint type'), hexRest('a fingerprint')],
    check: digestLength(1, { 1: 20, 2: 32 }),
  },
  IPSECKEY: { fields: [ipsecKey] },
  // RFC 4701
  DHCID: { fields: [base64Rest('a digest')] },
  // RFC 5155
  NSEC3: {
    fields: [u8('a hash algorithm'), u8('flags'), u16('iterations'), salt, hash, typeBitmap],
  },
  NSEC3PARAM: { fields: [u8('a hash algorithm'), u8('flags'), u16('iterations'), salt] },
  // RFC 6698, RFC 8162
  TLSA: certificateUse,
  SMIMEA: certificateUse,
  HIP: { fields: [hostIdentity, casedNames] },
  NINFO: text,
  TALINK: { fields: [casedName('the name before'), casedName('the name after')] },
  // RFC 7929
  OPENPGPKEY: { fields: [base64Rest('a key')] },
  // RFC 7477
  CSYNC: { fields: [u32('a serial'), u16('flags'), typeBitmap] },
  // RFC 8976
  ZONEMD: {
    fields: [u32('a serial'), u8('a scheme'), u8('a hash algorithm'), hexRest('a digest')],
    check: digestLength(5, { 1: 48, 2: 64 }),
  },
  // RFC 9460
  SVCB: service,
  HTTPS: service,
  // RFC 9859
  DSYNC: {
    fields: [
      ...[typeField('a type'), mnemonic('a scheme', 8, { NOTIFY: 1 }), u16('a port')],
      casedName('a target'),
    ],
  },
  // RFC 9886
  HHIT: { fields: [base64Rest('data')] },
  BRID: { fields: [base64Rest('data')] },
  // RFC 7208 §3.1
  SPF: text,
  // RFC 6742
  NID: { fields: [u16('a preference'), grouped('a node identifier', 8, quad)] },
  L32: { fields: [u16('a preference'), ipv4] },
  L64: { fields: [u16('a preference'), grouped('a locator', 8, quad)] },
  LP: { fields: [u16('a preference'), casedName('a name')] },
  // RFC 7043
  EUI48: { fields: [grouped('an EUI-48 address', 6, dashes)] },
  EUI64: { fields: [grouped('an EUI-64 address', 8, dashes)] },
  // RFC 7553
  URI: { fields: [u16('a priority'), u16('a weight'), restString('a target', 1)] },
  // RFC 8659
  CAA: { fields: [u8('flags'), caaTag, restString('a value', 0)] },
  AVC: text,
  DOA: {
    fields: [
      ...[u32('an enterprise'), u32('a type'), u8('a location')],
      ...[string('a media type'), base64RestOrDash],
    ],
  },
  AMTRELAY: { fields: [amtRelay] },
  // RFC 9606
  RESINFO: text,
  WALLET: text,
};

const BY_NUMBER = new Map(
  Object.entries(FORMATS).map(([mnemonicOfType, format]) => [typeNumber(mnemonicOfType)!, format]),
);

/** The format of a type, or undefined when only the form of RFC 3597 is known. */
export function formatOf(type: number): TypeFormat | undefined {
  return BY_NUMBER.get(type);
}

/** Numbers of all types with a format. */
export function formattedTypes(): number[] {
  return [...BY_NUMBER.keys()];
}
