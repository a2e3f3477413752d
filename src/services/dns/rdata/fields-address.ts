import { isIPv4, isIPv6 } from 'node:net';
import { TextProblem, quote } from '../problem.ts';
import type { Field } from './field.ts';

/** @throws TextProblem for what is not four decimal numbers */
export function parseIpv4(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  throw new TextProblem(
    `${quote(text)} is not an IPv4 address`,
    'Write four numbers of 0 to 255 without leading zeros: 192.0.2.1',
  );
}

export function formatIpv4(bytes: Buffer): string {
  return bytes.join('.');
}

/** @throws TextProblem for what RFC 4291 §2.2 does not allow */
export function parseIpv6(text: string): Buffer {
  if (!isIPv6(text) || text.includes('%')) {
    throw new TextProblem(
      `${quote(text)} is not an IPv6 address`,
      'Write it as RFC 4291 §2.2 says, without brackets, prefix or zone: 2001:db8::1',
    );
  }
  const [head, tail] = plainGroups(text).split('::');
  const left = groups(head!);
  const right = groups(tail ?? '');
  const bytes = Buffer.alloc(16);
  left.forEach((group, index) => bytes.writeUInt16BE(group, 2 * index));
  right.forEach((group, index) => bytes.writeUInt16BE(group, 16 - 2 * (right.length - index)));
  return bytes;
}

/** The dotted end (`::ffff:192.0.2.1`) as two groups. */
function plainGroups(text: string): string {
  return text.replace(/[\d.]+$/, (end) => {
    if (!end.includes('.')) return end;
    const bytes = parseIpv4(end);
    return `${bytes.readUInt16BE(0).toString(16)}:${bytes.readUInt16BE(2).toString(16)}`;
  });
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => parseInt(group, 16));
}

/**
 * The form of RFC 5952 §4: lower case, no leading zeros, the longest run of at least two zero groups (the
 * first of equals) as `::`; IPv4-mapped addresses with a dotted end (§5).
 */
export function formatIpv6(bytes: Buffer): string {
  const list = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index));
  if (list.slice(0, 5).every((group) => group === 0) && list[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes.subarray(12))}`;
  }
  const run = longestZeroRun(list);
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(list);
  return `${text(list.slice(0, run.start))}::${text(list.slice(run.start + run.length))}`;
}

function longestZeroRun(list: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < list.length; start++) {
    let end = start;
    while (list[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

export const ipv4: Field = {
  parse: (input, wire) => wire.bytes(parseIpv4(input.word('an IPv4 address'))),
  format: (wire) => formatIpv4(wire.bytes(4)),
};

export const ipv6: Field = {
  parse: (input, wire) => wire.bytes(parseIpv6(input.word('an IPv6 address'))),
  format: (wire) => formatIpv6(wire.bytes(16)),
};
