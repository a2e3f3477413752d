import { formatName, parseName } from '../names.ts';
import { TextProblem, quote } from '../problem.ts';
import type { TokenReader } from '../token-reader.ts';
import type { Field } from './field.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './fields-address.ts';
import { parseBase64, parseHex } from './fields-binary.ts';
import { parseNumber } from './fields-number.ts';
import type { WireReader, WireWriter } from './wire.ts';

/* Records in which one number says how another part is written. */

/** Kinds of a gateway (RFC 4025 §2.3) and of a relay (RFC 8777 §4.2.3): none, IPv4, IPv6, name. */
const NONE = 0;
const IPV4 = 1;
const IPV6 = 2;
const NAME = 3;

function writeGateway(input: TokenReader, kind: number, wire: WireWriter): void {
  const text = input.word('a gateway');
  if (kind === IPV4) wire.bytes(parseIpv4(text));
  else if (kind === IPV6) wire.bytes(parseIpv6(text));
  else if (kind === NAME) wire.bytes(parseName(text, input.origin));
  else if (kind !== NONE) throw badKind(kind);
  else if (text !== '.') {
    throw new TextProblem(`${quote(text)} stands where no gateway is`, 'Write "." for none');
  }
}

function readGateway(wire: WireReader, kind: number): string {
  if (kind === NONE) return '.';
  if (kind === IPV4) return formatIpv4(wire.bytes(4));
  if (kind === IPV6) return formatIpv6(wire.bytes(16));
  if (kind === NAME) return formatName(wire.name());
  throw badKind(kind);
}

function badKind(kind: number): TextProblem {
  return new TextProblem(
    `${kind} is not a kind of gateway`,
    'Write 0 for none, 1 for IPv4, 2 for IPv6, 3 for a name',
  );
}

/** IPSECKEY (RFC 4025): precedence, kind of gateway, algorithm, gateway, key. */
export const ipsecKey: Field = {
  parse(input, wire) {
    wire.u8(parseNumber(input.word('a precedence'), 255));
    const kind = parseNumber(input.word('a kind of gateway'), 255);
    wire.u8(kind);
    wire.u8(parseNumber(input.word('an algorithm'), 255));
    writeGateway(input, kind, wire);
    wire.bytes(parseBase64(input.words('a key').join('')));
  },
  format(wire) {
    const [precedence, kind, algorithm] = [wire.u8(), wire.u8(), wire.u8()];
    const gateway = readGateway(wire, kind);
    const key = wire.rest().toString('base64');
    return `${precedence} ${kind} ${algorithm} ${gateway} ${key}`.trimEnd();
  },
};

/** AMTRELAY (RFC 8777): precedence, discovery bit, kind of relay, relay. */
export const amtRelay: Field = {
  parse(input, wire) {
    wire.u8(parseNumber(input.word('a precedence'), 255));
    const discovery = parseNumber(input.word('a discovery bit'), 1);
    const kind = parseNumber(input.word('a kind of relay'), 127);
    wire.u8((discovery << 7) | kind);
    writeGateway(input, kind, wire);
  },
  format(wire) {
    const precedence = wire.u8();
    const second = wire.u8();
    const relay = readGateway(wire, second & 0x7f);
    return `${precedence} ${second >> 7} ${second & 0x7f} ${relay}`;
  },
};

/** The first part of HIP (RFC 8005 §5, §6): algorithm, host identity tag, public key. */
export const hostIdentity: Field = {
  parse(input, wire) {
    const algorithm = parseNumber(input.word('an algorithm'), 255);
    const tag = parseHex(input.word('a host identity tag'));
    const key = parseBase64(input.word('a public key'));
    if (tag.length === 0 || tag.length > 255 || key.length === 0) {
      throw new TextProblem('the tag or the key is empty or too long', 'See RFC 8005 §5');
    }
    wire.u8(tag.length);
    wire.u8(algorithm);
    wire.u16(key.length);
    wire.bytes(tag);
    wire.bytes(key);
  },
  format(wire) {
    const tagLength = wire.u8();
    const algorithm = wire.u8();
    const keyLength = wire.u16();
    if (tagLength === 0 || keyLength === 0) {
      throw new TextProblem('the tag or the key is empty', 'See RFC 8005 §5');
    }
    const tag = wire.bytes(tagLength).toString('hex');
    return `${algorithm} ${tag} ${wire.bytes(keyLength).toString('base64')}`;
  },
};

/** Protocols and ports that files name in WKS (RFC 1035 §3.4.2); other ones are given by number. */
const PROTOCOLS: Record<string, number> = { icmp: 1, tcp: 6, udp: 17 };
// prettier-ignore
const PORTS: Record<string, number> = {
  echo: 7, discard: 9, systat: 11, daytime: 13, 'ftp-data': 20, ftp: 21, ssh: 22, telnet: 23, smtp: 25,
  time: 37, nameserver: 42, whois: 43, domain: 53, tftp: 69, gopher: 70, finger: 79, http: 80,
  pop3: 110, sunrpc: 111, nntp: 119, ntp: 123, imap: 143, snmp: 161, irc: 194, https: 443,
};

/** WKS (RFC 1035 §3.4.2): address, protocol, set of ports; canonical by number. */
export const wellKnownServices: Field = {
  parse(input, wire) {
    wire.bytes(parseIpv4(input.word('an IPv4 address')));
    wire.u8(byName(input.word('a protocol'), PROTOCOLS, 255));
    const ports = input.words('a port').map((text) => byName(text, PORTS, 65_535));
    const bitmap = Buffer.alloc(ports.length === 0 ? 0 : (Math.max(...ports) >> 3) + 1);
    for (const port of ports) bitmap[port >> 3]! |= 0x80 >> (port & 7);
    wire.bytes(bitmap);
  },
  format(wire) {
    const texts = [formatIpv4(wire.bytes(4)), String(wire.u8())];
    const bitmap = wire.rest();
    if (bitmap.length > 8192) throw new TextProblem('the set of ports is too long', 'RFC 1035');
    for (let port = 0; port < bitmap.length * 8; port++) {
      if ((bitmap[port >> 3]! & (0x80 >> (port & 7))) !== 0) texts.push(String(port));
    }
    return texts.join(' ');
  },
};

function byName(text: string, names: Record<string, number>, limit: number): number {
  const lower = text.toLowerCase();
  return Object.hasOwn(names, lower) ? names[lower]! : parseNumber(text, limit);
}

/** NSAP (RFC 1706 §5): `0x` and hexadecimal digits; dots between them mean nothing. */
export const nsapAddress: Field = {
  parse(input, wire) {
    const text = input.word('an NSAP address');
    const hex = /^0x([0-9a-f.]+)$/i.exec(text)?.[1]?.replaceAll('.', '') ?? '';
    if (hex === '') throw new TextProblem(`${quote(text)} is no NSAP address`, 'Write 0x47.0005…');
    wire.bytes(parseHex(hex));
  },
  format(wire) {
    if (wire.left === 0) throw new TextProblem('the NSAP address is empty', 'See RFC 1706 §5');
    return `0x${wire.rest().toString('hex')}`;
  },
};
