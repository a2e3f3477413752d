import { unescape } from '../escapes.ts';
import { TextProblem, quote } from '../problem.ts';
import type { TokenReader } from '../token-reader.ts';
import type { Field } from './field.ts';
import { PARAM_FORMATS, keyName, keyNumber } from './service-param-formats.ts';

/*
 * SvcParams of SVCB and HTTPS (RFC 9460 §2.1, §2.2): `key[=value]` in any order in the text, in the order
 * of the numbers on the wire and in the canonical text.
 */

export const serviceParams: Field = {
  parse(input, wire) {
    const params = new Map<number, Buffer>();
    while (input.peek() !== undefined) {
      const [key, value] = takeParam(input);
      if (params.has(key)) {
        throw new TextProblem(`the key "${keyName(key)}" is there twice`, 'Remove one of them');
      }
      params.set(key, value);
    }
    checkParams(params);
    for (const [key, value] of sorted(params)) {
      wire.u16(key);
      wire.u16(value.length);
      wire.bytes(value);
    }
  },
  format(wire) {
    const params = new Map<number, Buffer>();
    const texts: string[] = [];
    let last = -1;
    while (wire.left > 0) {
      const key = wire.u16();
      if (key <= last) throw new TextProblem('keys are not in order', 'See RFC 9460 §2.2');
      last = key;
      const value = wire.bytes(wire.u16());
      params.set(key, value);
      texts.push(formatParam(key, value));
    }
    checkParams(params);
    return texts.join(' ');
  },
};

function sorted(params: Map<number, Buffer>): [number, Buffer][] {
  return [...params].sort(([one], [other]) => one - other);
}

function takeParam(input: TokenReader): [number, Buffer] {
  const word = input.word('a parameter');
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const key = keyNumber(name);
  const value = takeValue(input, equals < 0 ? undefined : word.slice(equals + 1));
  // A key given by its number has its value in wire form (RFC 9460 §2.1).
  const format = name === keyName(key) ? PARAM_FORMATS.get(key) : undefined;
  if (format !== undefined) return [key, format.parse(value, name)];
  return [key, value ?? Buffer.alloc(0)];
}

/** The value's octets; undefined without a value. In quotes it is a token of its own. */
function takeValue(input: TokenReader, inline: string | undefined): Buffer | undefined {
  const next = input.peek();
  if (next?.glued !== true) return inline === undefined ? undefined : unescape(inline);
  if (inline === '' && next.quoted) {
    input.take('a value');
    if (input.peek()?.glued !== true) return unescape(next.text);
  }
  throw new TextProblem(
    `${quote(next.text)} begins without a space before it`,
    'Write key=value or key="value", and a space between parameters',
  );
}

function formatParam(key: number, value: Buffer): string {
  const format = PARAM_FORMATS.get(key) ?? PARAM_FORMATS.get(undefined)!;
  const text = format.format(value, keyName(key));
  return text === '' ? keyName(key) : `${keyName(key)}=${text}`;
}

/** Rules between parameters: RFC 9460 §7.1.1 (no-default-alpn), §8 (mandatory). */
function checkParams(params: Map<number, Buffer>): void {
  if (params.has(2) && !params.has(1)) {
    throw new TextProblem('no-default-alpn stands without alpn', 'Add alpn (RFC 9460 §7.1.1)');
  }
  const mandatory = params.get(0) ?? Buffer.alloc(0);
  for (let at = 0; at + 1 < mandatory.length; at += 2) {
    const key = mandatory.readUInt16BE(at);
    if (key !== 0 && params.has(key)) continue;
    throw new TextProblem(
      `the mandatory key "${keyName(key)}" has no value in this record`,
      'Add it, or take it from the list of mandatory keys (RFC 9460 §8)',
    );
  }
}
