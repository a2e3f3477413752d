import type { BinaryType, BitsType, EnumerationType, StringType } from '../schema-types.ts';
import { NOT_YANG_CHAR } from '../grammar/characters.ts';
import { didYouMean } from '../suggest.ts';
import { parseXPath } from '../xpath/parser.ts';
import { LENGTH_BOUNDS } from './bounds.ts';
import { outside } from './numbers.ts';
import type { ReadValue } from './value.ts';
import { accepted, refused } from './value.ts';

/** A string (RFC 7950 §9.4); its length counts Unicode characters. */
export function readString(type: StringType, text: string): ReadValue {
  const bad = NOT_YANG_CHAR.exec(text);
  if (bad !== null) {
    const code = text.codePointAt(bad.index)!.toString(16).toUpperCase().padStart(4, '0');
    return refused(`holds the character U+${code}, which strings cannot have`);
  }
  const length = BigInt(characters(text));
  const what = `has ${length} characters`;
  const problem = outside(length, {
    restriction: type.length,
    bounds: LENGTH_BOUNDS,
    scale: 0,
    what,
  });
  if (problem !== undefined) return problem;
  const failed = type.patterns.find((pattern) => pattern.regExp.test(text) === pattern.invert);
  if (failed === undefined) return readXPath(type, text) ?? accepted(type, text);
  const { errorMessage, errorAppTag } = failed;
  const verb = failed.invert ? 'must not match' : 'does not match';
  return refused(`${verb} the pattern "${failed.text}"`, { errorMessage, errorAppTag });
}

/** Values of xpath1.0 are XPath expressions, which no pattern can say (RFC 9911 §3). */
function readXPath(type: StringType, text: string): ReadValue | undefined {
  const typedefs = type.typedefs.filter(({ module }) => module === 'ietf-yang-types');
  if (!typedefs.some(({ name }) => name === 'xpath1.0')) return undefined;
  const parsed = parseXPath(text);
  return parsed.ok ? undefined : refused(`is not XPath: ${parsed.error.problem}`);
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Octets in base64 (RFC 7950 §9.8); the length counts octets. */
export function readBinary(type: BinaryType, text: string): ReadValue {
  if (!BASE64.test(text)) return refused('is not base64');
  const octets = Buffer.from(text, 'base64');
  const what = `has ${octets.length} octets`;
  const length = BigInt(octets.length);
  const problem = outside(length, {
    restriction: type.length,
    bounds: LENGTH_BOUNDS,
    scale: 0,
    what,
  });
  return problem ?? accepted(type, text);
}

/** A name of an enumeration (RFC 7950 §9.6). */
export function readEnumeration(type: EnumerationType, text: string): ReadValue {
  if (type.enums.some((value) => value.name === text)) return accepted(type, text);
  const names = type.enums.map((value) => value.name);
  const near = didYouMean(text, names);
  const some = names.length > 8 ? [...names.slice(0, 8), '…'] : names;
  return refused(`is not one of ${some.join(', ')}${near === undefined ? '' : `. ${near}`}`);
}

/** Names of bits (RFC 7950 §9.7), put into the order of their positions. */
export function readBits(type: BitsType, text: string): ReadValue {
  const given = new Set<string>();
  for (const name of text.split(/[ \t\r\n]+/).filter((word) => word !== '')) {
    if (!type.bits.some((bit) => bit.name === name)) return refused(`has no bit "${name}"`);
    if (given.has(name)) return refused(`has the bit "${name}" twice`);
    given.add(name);
  }
  const names = type.bits.filter((bit) => given.has(bit.name)).map((bit) => bit.name);
  return accepted(type, names.join(' '));
}
