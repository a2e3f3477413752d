/** Resolution of `type` statements along their typedef chains (RFC 7950 §7.3, §7.4, §9). */
import type { BaseType, Interval, ResolvedType, Typedef } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSpan,
  findSubstatement,
  findSubstatements,
  keywordSpan,
  substatementArgument,
} from '../statement.ts';
import { DECIMAL64_BOUNDS, LENGTH_BOUNDS, integerBounds, isIntegerBase } from '../types/bounds.ts';
import { resolveBits, resolveEnums } from './enums.ts';
import { extensionsIn } from './extensions.ts';
import { narrow, resolvePattern } from './restrict.ts';
import type { Session } from './session.ts';
import { checkStatusReference } from './status.ts';
import { resolveTypedefReference } from './typedefs.ts';
import type { Scope } from './unit.ts';
import { splitName } from './unit.ts';
import { unboundPath } from '../xpath/bound.ts';

/** What may restrict each built-in type, and what a type derived from it may still be restricted by. */
const RESTRICTIONS: Readonly<Record<string, { own: string[]; derived: string[]; needs?: string }>> =
  {
    decimal64: { own: ['fraction-digits', 'range'], derived: ['range'], needs: 'fraction-digits' },
    string: { own: ['length', 'pattern'], derived: ['length', 'pattern'] },
    binary: { own: ['length'], derived: ['length'] },
    enumeration: { own: ['enum'], derived: ['enum'], needs: 'enum' },
    bits: { own: ['bit'], derived: ['bit'], needs: 'bit' },
    boolean: { own: [], derived: [] },
    empty: { own: [], derived: [] },
    leafref: { own: ['path', 'require-instance'], derived: ['require-instance'], needs: 'path' },
    identityref: { own: ['base'], derived: [], needs: 'base' },
    'instance-identifier': { own: ['require-instance'], derived: ['require-instance'] },
    union: { own: ['type'], derived: [], needs: 'type' },
  };

const INTEGER = { own: ['range'], derived: ['range'] };

/** Names of the built-in types (RFC 7950 §9). */
export const BUILT_IN: readonly string[] = [
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  ...Object.keys(RESTRICTIONS),
];

/** The type that a `type` statement stands for; undefined when it is wrong, which is reported. */
export function resolveType(
  session: Session,
  statement: Statement,
  scope: Scope,
): ResolvedType | undefined {
  const { prefix, name } = splitName(statement.argument ?? '');
  if (prefix === undefined && BUILT_IN.includes(name)) {
    return resolveBuiltIn(session, statement, { base: name as BaseType, scope });
  }
  const typedef = resolveTypedefReference(session, statement, scope);
  return typedef === undefined ? undefined : derive(session, statement, { typedef, scope });
}

/** Reports restrictions that the type cannot have, and the one that it cannot do without. */
function checkRestrictions(
  session: Session,
  statement: Statement,
  { base, derived, scope }: { base: BaseType; derived: boolean; scope: Scope },
): boolean {
  const { yangVersion } = scope.unit;
  const rule = RESTRICTIONS[base] ?? INTEGER;
  const allowed = derived ? rule.derived : rule.own;
  let fine = true;
  for (const child of statement.substatements) {
    if (child.prefix !== undefined || allowed.includes(child.keyword)) continue;
    const parameters = { restriction: child.keyword, type: statement.argument ?? base };
    const expected = allowed.length === 0 ? 'no restriction' : allowed.join(', ');
    session.reporter.report('restriction-not-allowed', keywordSpan(child), parameters, {
      expected,
    });
    fine = false;
  }
  const { needs } = RESTRICTIONS[base] ?? {};
  const newer = findSubstatement(statement, 'require-instance');
  if (base === 'leafref' && newer !== undefined && yangVersion === '1') {
    const what = '"require-instance" of a leafref';
    session.reporter.report('newer-statement', keywordSpan(newer), { what });
  }
  if (!derived && needs !== undefined && findSubstatement(statement, needs) === undefined) {
    const parameters = { restriction: needs, type: base };
    session.reporter.report('restriction-missing', argumentSpan(statement), parameters);
    fine = false;
  }
  return fine;
}

interface TypePlace {
  base: BaseType;
  scope: Scope;
}

function resolveBuiltIn(
  session: Session,
  statement: Statement,
  place: TypePlace,
): ResolvedType | undefined {
  const { base, scope } = place;
  if (!checkRestrictions(session, statement, { base, derived: false, scope })) return undefined;
  const common = commonOf(session, statement, scope);
  if (isIntegerBase(base)) {
    const range = narrowed(session, statement, {
      keyword: 'range',
      intervals: [integerBounds(base)],
      scale: 0,
      scope,
    });
    return range === 'wrong' ? undefined : { base, range, ...common };
  }
  switch (base) {
    case 'decimal64':
      return resolveDecimal(session, statement, scope);
    case 'string': {
      const length = narrowed(session, statement, {
        keyword: 'length',
        intervals: [LENGTH_BOUNDS],
        scale: 0,
        scope,
      });
      const patterns = patternsOf(session, statement, scope);
      return length === 'wrong' ? undefined : { base, length, patterns, ...common };
    }
    case 'binary': {
      const length = narrowed(session, statement, {
        keyword: 'length',
        intervals: [LENGTH_BOUNDS],
        scale: 0,
        scope,
      });
      return length === 'wrong' ? undefined : { base, length, ...common };
    }
    case 'enumeration':
      return {
        base,
        enums: resolveEnums(session, statement, { scope, base: undefined, baseName: base }),
        ...common,
      };
    case 'bits':
      return {
        base,
        bits: resolveBits(session, statement, { scope, base: undefined, baseName: base }),
        ...common,
      };
    default:
      return resolveReference(session, statement, place);
  }
}

function resolveReference(
  session: Session,
  statement: Statement,
  { base, scope }: TypePlace,
): ResolvedType | undefined {
  const common = commonOf(session, statement, scope);
  const requireInstance = substatementArgument(statement, 'require-instance') !== 'false';
  switch (base) {
    case 'boolean':
    case 'empty':
      return { base, ...common };
    case 'leafref': {
      const path = unboundPath(findSubstatement(statement, 'path')!, scope.prefixes);
      return path === undefined
        ? undefined
        : { base, path, requireInstance, target: undefined, ...common };
    }
    case 'identityref':
      return resolveIdentityref(session, statement, scope);
    case 'instance-identifier':
      return { base, requireInstance, ...common };
    case 'union': {
      const members = findSubstatements(statement, 'type').map((member) =>
        resolveType(session, member, scope),
      );
      if (members.includes(undefined)) return undefined;
      return { base, members: members.filter((member) => member !== undefined), ...common };
    }
    default:
      return undefined;
  }
}

function resolveIdentityref(
  session: Session,
  statement: Statement,
  scope: Scope,
): ResolvedType | undefined {
  const bases = findSubstatements(statement, 'base').map((base) => {
    const identity = session.definitions.baseIdentity(base, scope);
    const local = identity?.module === scope.unit.owner.module.name;
    if (identity !== undefined && local) {
      checkStatusReference(session, statement, {
        what: 'identity',
        name: identity.name,
        status: identity.status,
      });
    }
    return identity;
  });
  const common = commonOf(session, statement, scope);
  return { base: 'identityref', bases: bases.filter((base) => base !== undefined), ...common };
}

function commonOf(
  session: Session,
  statement: Statement,
  scope: Scope,
): Pick<ResolvedType, 'typedefs' | 'statement' | 'position' | 'extensions'> {
  const extensions = extensionsIn(session, statement, scope);
  return { typedefs: [], statement, position: statement.position, extensions };
}

interface NarrowPlace {
  keyword: 'range' | 'length';
  intervals: readonly Interval[];
  scale: number;
  scope: Scope;
}

function narrowed(
  session: Session,
  statement: Statement,
  { keyword, intervals, scale, scope }: NarrowPlace,
): ReturnType<typeof narrow> | 'wrong' {
  const restriction = findSubstatement(statement, keyword);
  if (restriction === undefined) return undefined;
  return narrow(session, restriction, { base: { intervals, scale }, scope }) ?? 'wrong';
}

function patternsOf(session: Session, statement: Statement, scope: Scope) {
  return findSubstatements(statement, 'pattern')
    .map((pattern) => resolvePattern(session, pattern, scope))
    .filter((pattern) => pattern !== undefined);
}

function resolveDecimal(
  session: Session,
  statement: Statement,
  scope: Scope,
): ResolvedType | undefined {
  const fractionDigits = Number(substatementArgument(statement, 'fraction-digits'));
  if (!Number.isInteger(fractionDigits) || fractionDigits < 1 || fractionDigits > 18)
    return undefined;
  const place = {
    keyword: 'range',
    intervals: [DECIMAL64_BOUNDS],
    scale: fractionDigits,
    scope,
  } as const;
  const range = narrowed(session, statement, place);
  if (range === 'wrong') return undefined;
  return { base: 'decimal64', fractionDigits, range, ...commonOf(session, statement, scope) };
}

/** A type derived from a typedef, with what the `type` statement restricts further. */
function derive(
  session: Session,
  statement: Statement,
  { typedef, scope }: { typedef: Typedef; scope: Scope },
): ResolvedType | undefined {
  const { type } = typedef;
  if (!checkRestrictions(session, statement, { base: type.base, derived: true, scope }))
    return undefined;
  const common = { ...commonOf(session, statement, scope), typedefs: [typedef, ...type.typedefs] };
  const baseName = typedef.name;
  switch (type.base) {
    case 'decimal64': {
      const intervals = type.range?.intervals ?? [DECIMAL64_BOUNDS];
      const range = narrowed(session, statement, {
        keyword: 'range',
        intervals,
        scale: type.fractionDigits,
        scope,
      });
      return range === 'wrong' ? undefined : { ...type, range: range ?? type.range, ...common };
    }
    case 'string':
    case 'binary': {
      const intervals = type.length?.intervals ?? [LENGTH_BOUNDS];
      const length = narrowed(session, statement, {
        keyword: 'length',
        intervals,
        scale: 0,
        scope,
      });
      if (length === 'wrong') return undefined;
      const restricted = { ...type, length: length ?? type.length, ...common };
      if (restricted.base === 'binary') return restricted;
      return {
        ...restricted,
        patterns: [...restricted.patterns, ...patternsOf(session, statement, scope)],
      };
    }
    case 'enumeration': {
      const enums = resolveEnums(session, statement, { scope, base: type.enums, baseName });
      return {
        ...type,
        enums: findSubstatement(statement, 'enum') === undefined ? type.enums : enums,
        ...common,
      };
    }
    case 'bits': {
      const bits = resolveBits(session, statement, { scope, base: type.bits, baseName });
      return {
        ...type,
        bits: findSubstatement(statement, 'bit') === undefined ? type.bits : bits,
        ...common,
      };
    }
    case 'leafref':
    case 'instance-identifier': {
      const written = substatementArgument(statement, 'require-instance');
      const requireInstance = written === undefined ? type.requireInstance : written === 'true';
      return { ...type, requireInstance, ...common };
    }
    default:
      return deriveRest(session, statement, { type, common, scope });
  }
}

function deriveRest(
  session: Session,
  statement: Statement,
  { type, common, scope }: { type: ResolvedType; common: Partial<ResolvedType>; scope: Scope },
): ResolvedType | undefined {
  const derived = { ...type, ...common } as ResolvedType;
  if (!('range' in type)) return derived;
  const intervals = type.range?.intervals ?? [integerBounds(type.base as 'int8')];
  const range = narrowed(session, statement, { keyword: 'range', intervals, scale: 0, scope });
  return range === 'wrong'
    ? undefined
    : ({ ...derived, range: range ?? type.range } as ResolvedType);
}
