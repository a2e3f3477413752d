import { TextProblem, quote } from '../problem.ts';
import type { Field } from './field.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './fields-address.ts';
import { parseNumber } from './fields-number.ts';
import type { WireReader, WireWriter } from './wire.ts';

/** Address families (IANA "Address Family Numbers") that have a text form in RFC 3123. */
const FAMILIES = new Map([
  [1, { size: 4, parse: parseIpv4, format: formatIpv4 }],
  [2, { size: 16, parse: parseIpv6, format: formatIpv6 }],
]);

/** APL (RFC 3123): items `[!]family:address/prefix`; octets 0 at the end of an address are not sent. */
export const addressPrefixes: Field = {
  parse(input, wire) {
    while (input.peek() !== undefined) writeItem(input.word('an address prefix'), wire);
  },
  format(wire) {
    const items: string[] = [];
    while (wire.left > 0) items.push(readItem(wire));
    return items.join(' ');
  },
};

function writeItem(text: string, wire: WireWriter): void {
  const [, negation, number, address, prefix] = /^(!?)(\d+):([^/]+)\/(\d+)$/.exec(text) ?? [];
  const family = FAMILIES.get(Number(number));
  if (family === undefined) throw badItem(text);
  const bytes = family.parse(address!);
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length -= 1;
  wire.u16(Number(number));
  wire.u8(parseNumber(prefix!, family.size * 8));
  wire.u8((negation === '!' ? 0x80 : 0) | length);
  wire.bytes(bytes.subarray(0, length));
}

function readItem(wire: WireReader): string {
  const number = wire.u16();
  const family = FAMILIES.get(number);
  const prefix = wire.u8();
  const flags = wire.u8();
  const part = wire.bytes(flags & 0x7f);
  if (family === undefined || part.length > family.size || prefix > family.size * 8) {
    throw badItem(`${number}:…/${prefix}`);
  }
  const bytes = Buffer.concat([part], family.size);
  return `${flags & 0x80 ? '!' : ''}${number}:${family.format(bytes)}/${prefix}`;
}

function badItem(text: string): TextProblem {
  return new TextProblem(
    `${quote(text)} is not an address prefix`,
    'Write 1:192.0.2.0/24 or 2:2001:db8::/32, with "!" before it for an exception (RFC 3123 §5)',
  );
}
