import { quotedString } from '../escapes.ts';
import { TextProblem, quote } from '../problem.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from './fields-address.ts';
import { parseBase64 } from './fields-binary.ts';
import { parseNumber } from './fields-number.ts';

/** How the value of a SvcParam is written; `name` is its key, for messages. */
export interface ParamFormat {
  /** @param value the octets after `=`, unescaped once; undefined without `=` */
  parse: (value: Buffer | undefined, name: string) => Buffer;
  /** What stands after `=`; '' for nothing. */
  format: (value: Buffer, name: string) => string;
}

/** Keys with a name here (RFC 9460 §14.3.2, RFC 9461, RFC 9540); the others are `keyN`. */
// prettier-ignore
const KEYS: Record<string, number> = {
  mandatory: 0, alpn: 1, 'no-default-alpn': 2, port: 3, ipv4hint: 4, ech: 5, ipv6hint: 6,
};

/** Read, but written as `keyN`: older name servers refuse the names of keys that they do not know. */
const READ_ONLY_KEYS: Record<string, number> = { dohpath: 7, ohttp: 8 };

const NAMES = new Map(Object.entries(KEYS).map(([name, number]) => [number, name]));

export function keyName(key: number): string {
  return NAMES.get(key) ?? `key${key}`;
}

/** @throws TextProblem */
export function keyNumber(name: string): number {
  for (const keys of [KEYS, READ_ONLY_KEYS]) if (Object.hasOwn(keys, name)) return keys[name]!;
  const number = /^key(0|[1-9]\d{0,4})$/.exec(name)?.[1];
  // 65535 is reserved as the invalid key (RFC 9460 §14.3.2).
  if (number !== undefined && Number(number) < 65_535) return Number(number);
  throw new TextProblem(
    `${quote(name)} is not a key of a service parameter`,
    `Known are ${Object.keys({ ...KEYS, ...READ_ONLY_KEYS }).join(', ')} and key0 to key65534`,
  );
}

function wanted(value: Buffer | undefined, name: string): Buffer {
  if (value !== undefined && value.length > 0) return value;
  throw new TextProblem(`the key "${name}" has no value`, `Write ${name}=… (RFC 9460 §7)`);
}

const latin1 = (value: Buffer | undefined, name: string): string =>
  wanted(value, name).toString('latin1');

const mandatory: ParamFormat = {
  parse(value, name) {
    const keys = latin1(value, name).split(',').map(keyNumber);
    keys.sort((one, other) => one - other);
    return joinU16(keys);
  },
  format(value, name) {
    const keys = splitU16(wanted(value, name), name);
    if (keys.some((key, index) => index > 0 && key <= keys[index - 1]!)) throw broken(name);
    return keys.map(keyName).join(',');
  },
};

function joinU16(numbers: number[]): Buffer {
  const bytes = Buffer.alloc(2 * numbers.length);
  numbers.forEach((number, index) => bytes.writeUInt16BE(number, 2 * index));
  return bytes;
}

function splitU16(value: Buffer, name: string): number[] {
  if (value.length % 2 !== 0) throw broken(name);
  return Array.from({ length: value.length / 2 }, (_, index) => value.readUInt16BE(2 * index));
}

const COMMA = 0x2c;
const BACKSLASH = 0x5c;

function splitList(value: Buffer, name: string): Buffer[] {
  const items: number[][] = [[]];
  for (let at = 0; at < value.length; at++) {
    if (value[at] === COMMA) {
      items.push([]);
      continue;
    }
    if (value[at] === BACKSLASH) at += 1;
    if (at === value.length) throw broken(name);
    items.at(-1)!.push(value[at]!);
  }
  if (items.some((item) => item.length === 0 || item.length > 255)) throw broken(name);
  return items.map((item) => Buffer.from(item));
}

/** The list of RFC 9460 appendix A.1: commas, `\,` and `\\` inside an item, escaped once more outside. */
const alpn: ParamFormat = {
  parse(value, name) {
    const items = splitList(wanted(value, name), name);
    const parts = items.flatMap((item) => [Buffer.from([item.length]), item]);
    return Buffer.concat(parts);
  },
  format(value, name) {
    const items: string[] = [];
    for (let at = 0; at < wanted(value, name).length; at += 1 + value[at]!) {
      const length = value[at]!;
      if (length === 0 || at + 1 + length > value.length) throw broken(name);
      items.push(value.toString('latin1', at + 1, at + 1 + length).replace(/[\\,]/g, '\\$&'));
    }
    return quotedString(Buffer.from(items.join(','), 'latin1'));
  },
};

const none: ParamFormat = {
  parse(value, name) {
    if (value === undefined) return Buffer.alloc(0);
    throw new TextProblem(`the key "${name}" has a value`, 'Remove the value');
  },
  format(value, name) {
    if (value.length > 0) throw broken(name);
    return '';
  },
};

const port: ParamFormat = {
  parse: (value, name) => joinU16([parseNumber(latin1(value, name), 65_535)]),
  format(value, name) {
    if (value.length !== 2) throw broken(name);
    return String(value.readUInt16BE());
  },
};

function addresses(
  size: number,
  parse: (text: string) => Buffer,
  format: (bytes: Buffer) => string,
): ParamFormat {
  return {
    parse: (value, name) => Buffer.concat(latin1(value, name).split(',').map(parse)),
    format(value, name) {
      if (value.length === 0 || value.length % size !== 0) throw broken(name);
      const count = value.length / size;
      const list = Array.from({ length: count }, (_, i) =>
        value.subarray(i * size, (i + 1) * size),
      );
      return list.map(format).join(',');
    },
  };
}

const base64: ParamFormat = {
  parse: (value, name) => parseBase64(latin1(value, name)),
  format: (value, name) => wanted(value, name).toString('base64'),
};

const opaque: ParamFormat = {
  parse: (value) => value ?? Buffer.alloc(0),
  format: (value) => (value.length === 0 ? '' : quotedString(value)),
};

function broken(name: string): TextProblem {
  return new TextProblem(
    `the value of "${name}" is broken`,
    'Write it as RFC 9460 §7 says: alpn="h2,h3", port=443, ipv4hint=192.0.2.1,192.0.2.2',
  );
}

/** By key; `undefined` stands for every other key. */
export const PARAM_FORMATS = new Map<number | undefined, ParamFormat>([
  [0, mandatory],
  [1, alpn],
  [2, none],
  [3, port],
  [4, addresses(4, parseIpv4, formatIpv4)],
  [5, base64],
  [6, addresses(16, parseIpv6, formatIpv6)],
  [undefined, opaque],
]);
