import type { IdentityrefType, ResolvedType, UnionType } from '../schema-types.ts';
import { didYouMean } from '../suggest.ts';
import { readInstancePath } from './instance-path.ts';
import { readDecimal, readInteger } from './numbers.ts';
import { readBinary, readBits, readEnumeration, readString } from './texts.ts';
import type { JsonValue, Names, ReadValue } from './value.ts';
import { accepted, refused } from './value.ts';

/** Checks the text of a value, as in a `default`, an XPath literal or a key (RFC 7950 §9). */
export function readText(type: ResolvedType, text: string, names: Names): ReadValue {
  switch (type.base) {
    case 'decimal64':
      return readDecimal(type, text);
    case 'string':
      return readString(type, text);
    case 'binary':
      return readBinary(type, text);
    case 'enumeration':
      return readEnumeration(type, text);
    case 'bits':
      return readBits(type, text);
    case 'boolean':
      return text === 'true' || text === 'false'
        ? accepted(type, text)
        : refused('is not "true" or "false"');
    case 'empty':
      return text === '' ? accepted(type, '') : refused('is not empty');
    case 'leafref':
      return type.target === undefined
        ? accepted(type, text)
        : readText(type.target.type, text, names);
    case 'identityref':
      return readIdentity(type, text, names);
    case 'instance-identifier':
      return readInstancePath(type, text, names);
    case 'union':
      return readMember(type, (member) => readText(member, text, names));
    default:
      return readInteger(type, text, names);
  }
}

/** Checks a value in JSON, whose kind must fit the type (RFC 7951 §6). */
export function readJson(type: ResolvedType, json: JsonValue, names: Names): ReadValue {
  if (type.base === 'union') return readMember(type, (member) => readJson(member, json, names));
  if (type.base === 'leafref' && type.target !== undefined)
    return readJson(type.target.type, json, names);
  const expected = JSON_KINDS[type.base] ?? 'string';
  if (kindOf(json) !== expected)
    return refused(`is a ${kindOf(json)} where a ${expected} is expected`);
  if (expected === '[null]') return accepted(type, '');
  return readText(type, textOf(json), names);
}

type JsonKind = 'number' | 'string' | 'boolean' | '[null]' | 'null' | 'array' | 'object';

/** Types that are not strings in JSON; 64-bit numbers are. */
const JSON_KINDS: Partial<Record<ResolvedType['base'], JsonKind>> = {
  int8: 'number',
  int16: 'number',
  int32: 'number',
  uint8: 'number',
  uint16: 'number',
  uint32: 'number',
  boolean: 'boolean',
  empty: '[null]',
};

function kindOf(json: JsonValue): JsonKind {
  if (json === null) return 'null';
  if (Array.isArray(json)) return json.length === 1 && json[0] === null ? '[null]' : 'array';
  if (typeof json === 'object') return 'object';
  return typeof json as 'number' | 'string' | 'boolean';
}

/** The text of a JSON value: of a string what it holds. */
function textOf(json: JsonValue): string {
  return typeof json === 'string' ? json : JSON.stringify(json);
}

/** A JSON value as text, for messages. */
export function show(json: JsonValue): string {
  const text = textOf(json);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** A value in the JSON form of its type (RFC 7951 §6). */
export function toJson({ canonical, type }: { canonical: string; type: ResolvedType }): JsonValue {
  switch (JSON_KINDS[type.base]) {
    case 'number':
      return Number(canonical);
    case 'boolean':
      return canonical === 'true';
    case '[null]':
      return [null];
    default:
      return canonical;
  }
}

/** The first member that accepts the value (RFC 7950 §9.12). */
function readMember(type: UnionType, read: (member: ResolvedType) => ReadValue): ReadValue {
  const problems: string[] = [];
  for (const member of type.members) {
    const result = read(member);
    if (result.ok) return result;
    problems.push(`${member.typedefs[0]?.name ?? member.base}: ${result.problem}`);
  }
  return refused(`fits no member of the union (${problems.slice(0, 6).join('; ')})`);
}

function readIdentity(type: IdentityrefType, text: string, names: Names): ReadValue {
  const colon = text.indexOf(':');
  const prefix = colon < 0 ? undefined : text.slice(0, colon);
  const name = text.slice(colon + 1);
  const module = names.resolve(prefix);
  const identity = module && names.identity(module, name);
  if (identity !== undefined && type.bases.every((base) => base.derived.includes(identity))) {
    const canonical = `${identity.module}:${identity.name}`;
    return { ok: true, value: { canonical, type, identity } };
  }
  const bases = type.bases.map((base) => `"${base.name}"`).join(' and ');
  if (identity !== undefined) return refused(`is not derived from ${bases}`);
  const near = didYouMean(
    name,
    type.bases.flatMap((base) => base.derived).map((one) => one.name),
  );
  return refused(
    `is not an identity derived from ${bases}${near === undefined ? '' : `. ${near}`}`,
  );
}
