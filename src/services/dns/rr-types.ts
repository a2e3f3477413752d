import { TextProblem, quote } from './problem.ts';

/*
 * Types and classes of resource records: IANA registry "Domain Name System (DNS) Parameters", which
 * `iana-dns-class-rr-type` (RFC 9108) repeats. Any other type is `TYPEn`, any class `CLASSn` (RFC 3597 §5).
 */

// prettier-ignore
const NUMBERS: Record<string, number> = {
  A: 1, NS: 2, MD: 3, MF: 4, CNAME: 5, SOA: 6, MB: 7, MG: 8, MR: 9, NULL: 10, WKS: 11, PTR: 12,
  HINFO: 13, MINFO: 14, MX: 15, TXT: 16, RP: 17, AFSDB: 18, X25: 19, ISDN: 20, RT: 21, NSAP: 22,
  'NSAP-PTR': 23, SIG: 24, KEY: 25, PX: 26, GPOS: 27, AAAA: 28, LOC: 29, NXT: 30, EID: 31,
  NIMLOC: 32, SRV: 33, ATMA: 34, NAPTR: 35, KX: 36, CERT: 37, A6: 38, DNAME: 39, SINK: 40, OPT: 41,
  APL: 42, DS: 43, SSHFP: 44, IPSECKEY: 45, RRSIG: 46, NSEC: 47, DNSKEY: 48, DHCID: 49, NSEC3: 50,
  NSEC3PARAM: 51, TLSA: 52, SMIMEA: 53, HIP: 55, NINFO: 56, RKEY: 57, TALINK: 58, CDS: 59,
  CDNSKEY: 60, OPENPGPKEY: 61, CSYNC: 62, ZONEMD: 63, SVCB: 64, HTTPS: 65, DSYNC: 66, HHIT: 67,
  BRID: 68, SPF: 99, UINFO: 100, UID: 101, GID: 102, UNSPEC: 103, NID: 104, L32: 105, L64: 106,
  LP: 107, EUI48: 108, EUI64: 109, NXNAME: 128, TKEY: 249, TSIG: 250, IXFR: 251, AXFR: 252,
  MAILB: 253, MAILA: 254, ANY: 255, URI: 256, CAA: 257, AVC: 258, DOA: 259, AMTRELAY: 260,
  RESINFO: 261, WALLET: 262, CLA: 263, IPN: 264, TA: 32768, DLV: 32769,
};

const NAMES = new Map(Object.entries(NUMBERS).map(([name, number]) => [number, name]));

const CLASSES: Record<string, number> = { IN: 1, CS: 2, CH: 3, HS: 4, NONE: 254, ANY: 255 };

/** The Internet class, the only one whose zones are kept. */
export const CLASS_IN = 1;

/** Mnemonic of a type, or `TYPEn`. */
export function typeName(number: number): string {
  return NAMES.get(number) ?? `TYPE${number}`;
}

/** Number of a type by its mnemonic or `TYPEn` in any case; undefined if the text is neither. */
export function typeNumber(text: string): number | undefined {
  const upper = text.toUpperCase();
  return Object.hasOwn(NUMBERS, upper) ? NUMBERS[upper] : generic('TYPE', upper);
}

/** Number of a class by its mnemonic or `CLASSn` in any case; undefined if the text is neither. */
export function classNumber(text: string): number | undefined {
  const upper = text.toUpperCase();
  return Object.hasOwn(CLASSES, upper) ? CLASSES[upper] : generic('CLASS', upper);
}

function generic(prefix: string, upper: string): number | undefined {
  if (!upper.startsWith(prefix) || !/^\d{1,5}$/.test(upper.slice(prefix.length))) return undefined;
  const number = Number(upper.slice(prefix.length));
  return number <= 0xffff ? number : undefined;
}

/**
 * Types that no zone can hold: 0, OPT, NXNAME and the types of questions and of transactions, 128 to 255
 * (RFC 6895 §3.1, RFC 9824 §4).
 */
export function isMetaType(number: number): boolean {
  return number === 0 || number === NUMBERS['OPT'] || (number >= 128 && number <= 255);
}

/** @throws TextProblem for what is no type */
export function requireType(text: string): number {
  const number = typeNumber(text);
  if (number !== undefined) return number;
  throw new TextProblem(
    `${quote(text)} is not a record type`,
    'Write the mnemonic of the IANA registry, or TYPE and its number, 0 to 65535 (RFC 3597 §5)',
  );
}
