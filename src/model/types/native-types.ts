/** Types of RFC 9911 for which PostgreSQL has a type of its own. */
import type { ResolvedType, Typedef } from '../../yang/schema-types.ts';

export interface NativeType {
  /** As `format_type()` prints it. */
  sql: string;
  checks: (expression: string) => string[];
}

const none = (): string[] => [];
const family = (number: 4 | 6) => (x: string) => [`family(${x}) = ${number}`];
const host = (x: string): string[] => [
  `masklen(${x}) = CASE family(${x}) WHEN 4 THEN 32 ELSE 128 END`,
];
const hostOf = (number: 4 | 6, bits: 32 | 128) => (x: string) => [
  `family(${x}) = ${number} AND masklen(${x}) = ${bits}`,
];

const NATIVE: Readonly<Record<string, NativeType>> = {
  'ietf-yang-types:date-and-time': { sql: 'timestamp with time zone', checks: none },
  'ietf-yang-types:uuid': { sql: 'uuid', checks: none },
  'ietf-yang-types:mac-address': { sql: 'macaddr', checks: none },
  'ietf-inet-types:ip-address-no-zone': { sql: 'inet', checks: host },
  'ietf-inet-types:ipv4-address-no-zone': { sql: 'inet', checks: hostOf(4, 32) },
  'ietf-inet-types:ipv6-address-no-zone': { sql: 'inet', checks: hostOf(6, 128) },
  'ietf-inet-types:ip-prefix': { sql: 'cidr', checks: none },
  'ietf-inet-types:ipv4-prefix': { sql: 'cidr', checks: family(4) },
  'ietf-inet-types:ipv6-prefix': { sql: 'cidr', checks: family(6) },
};

/**
 * PostgreSQL's own type for a YANG type that is one of the table's typedefs, or derived from one without
 * further restriction. Further restrictions (a pattern, a length) are on text, so the value stays text.
 */
export function nativeType(type: ResolvedType): NativeType | undefined {
  const known = type.typedefs.find((typedef) => nameOf(typedef) in NATIVE);
  if (known === undefined || !sameRestrictions(type, known.type)) return undefined;
  return NATIVE[nameOf(known)];
}

function nameOf(typedef: Typedef): string {
  return `${typedef.module}:${typedef.name}`;
}

function sameRestrictions(type: ResolvedType, base: ResolvedType): boolean {
  if (type.base === 'union') return true;
  if (type.base !== 'string' || base.base !== 'string') return false;
  return type.patterns.length === base.patterns.length && type.length?.text === base.length?.text;
}
