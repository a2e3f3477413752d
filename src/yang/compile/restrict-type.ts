/** What the restrictions of a `type` statement make of the type that it names (RFC 7950 §9.2–§9.13). */
import type { Interval, ResolvedType, Restriction } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import { findSubstatement, findSubstatements, substatementArgument } from '../statement.ts';
import { DECIMAL64_BOUNDS, LENGTH_BOUNDS, integerBounds } from '../types/bounds.ts';
import { resolveBits, resolveEnums } from './enums.ts';
import { narrow, resolvePattern } from './restrict.ts';
import type { Session } from './session.ts';
import type { Scope } from './unit.ts';

/** The type with its restrictions; undefined when one of them is wrong, which is reported. */
export function restrictType(
  session: Session,
  statement: Statement,
  { type, scope }: { type: ResolvedType; scope: Scope },
): ResolvedType | undefined {
  switch (type.base) {
    case 'string':
    case 'binary':
      return restrictLength(session, statement, { type, scope });
    case 'enumeration':
    case 'bits':
      return restrictMembers(session, statement, { type, scope });
    case 'leafref':
    case 'instance-identifier': {
      const written = substatementArgument(statement, 'require-instance');
      return written === undefined ? type : { ...type, requireInstance: written === 'true' };
    }
    case 'boolean':
    case 'empty':
    case 'identityref':
    case 'union':
      return type;
    default:
      return restrictRange(session, statement, { type, scope });
  }
}

type Ranged = Extract<ResolvedType, { range: Restriction | undefined }>;
type Measured = Extract<ResolvedType, { length: Restriction | undefined }>;
type Listed = Extract<ResolvedType, { base: 'enumeration' | 'bits' }>;

function restrictRange(
  session: Session,
  statement: Statement,
  { type, scope }: { type: Ranged; scope: Scope },
): ResolvedType | undefined {
  const written = findSubstatement(statement, 'range');
  if (written === undefined) return type;
  const decimal = type.base === 'decimal64';
  const bounds: Interval = decimal ? DECIMAL64_BOUNDS : integerBounds(type.base);
  const intervals = type.range?.intervals ?? [bounds];
  const scale = decimal ? type.fractionDigits : 0;
  const range = narrow(session, written, { base: { intervals, scale }, scope });
  return range === undefined ? undefined : { ...type, range };
}

function restrictLength(
  session: Session,
  statement: Statement,
  { type, scope }: { type: Measured; scope: Scope },
): ResolvedType | undefined {
  const written = findSubstatement(statement, 'length');
  const intervals = type.length?.intervals ?? [LENGTH_BOUNDS];
  const base = { intervals, scale: 0 };
  const length = written === undefined ? type.length : narrow(session, written, { base, scope });
  if (written !== undefined && length === undefined) return undefined;
  if (type.base === 'binary') return { ...type, length };
  const patterns = findSubstatements(statement, 'pattern')
    .map((pattern) => resolvePattern(session, pattern, scope))
    .filter((pattern) => pattern !== undefined);
  return { ...type, length, patterns: [...type.patterns, ...patterns] };
}

/** Enums and bits: those of the built-in type are defined here, those of a typedef are chosen from. */
function restrictMembers(
  session: Session,
  statement: Statement,
  { type, scope }: { type: Listed; scope: Scope },
): ResolvedType {
  const [typedef] = type.typedefs;
  const keyword = type.base === 'bits' ? 'bit' : 'enum';
  if (typedef !== undefined && findSubstatement(statement, keyword) === undefined) return type;
  const baseName = typedef?.name ?? type.base;
  if (type.base === 'bits') {
    const base = typedef === undefined ? undefined : type.bits;
    return { ...type, bits: resolveBits(session, statement, { scope, base, baseName }) };
  }
  const base = typedef === undefined ? undefined : type.enums;
  return { ...type, enums: resolveEnums(session, statement, { scope, base, baseName }) };
}
