/** Resolution of `type` statements along their typedef chains (RFC 7950 §7.3, §7.4, §9). */
import type { BaseType, ResolvedType } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSpan,
  findSubstatement,
  findSubstatements,
  keywordSpan,
  substatementArgument,
} from '../statement.ts';
import { isIntegerBase } from '../types/bounds.ts';
import { unboundPath } from '../xpath/bound.ts';
import { extensionsIn } from './extensions.ts';
import { restrictType } from './restrict-type.ts';
import type { Session } from './session.ts';
import { checkStatusReference } from './status.ts';
import { resolveTypedefReference } from './typedefs.ts';
import type { Scope } from './unit.ts';
import { splitName } from './unit.ts';

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
    const base = name as BaseType;
    if (!checkRestrictions(session, statement, { base, derived: false, scope })) return undefined;
    const type = bareType(session, statement, { base, scope });
    return type === undefined ? undefined : restrictType(session, statement, { type, scope });
  }
  const typedef = resolveTypedefReference(session, statement, scope);
  if (typedef === undefined) return undefined;
  const { base } = typedef.type;
  if (!checkRestrictions(session, statement, { base, derived: true, scope })) return undefined;
  const typedefs = [typedef, ...typedef.type.typedefs];
  const type = { ...typedef.type, ...commonOf(session, statement, scope), typedefs };
  return restrictType(session, statement, { type, scope });
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

/** A built-in type as it is without `range`, `length`, `pattern`, `enum` and `bit`. */
function bareType(
  session: Session,
  statement: Statement,
  { base, scope }: TypePlace,
): ResolvedType | undefined {
  const common = commonOf(session, statement, scope);
  if (isIntegerBase(base)) return { base, range: undefined, ...common };
  switch (base) {
    case 'string':
      return { base, length: undefined, patterns: [], ...common };
    case 'binary':
      return { base, length: undefined, ...common };
    case 'enumeration':
      return { base, enums: [], ...common };
    case 'bits':
      return { base, bits: [], ...common };
    case 'boolean':
    case 'empty':
      return { base, ...common };
    case 'instance-identifier':
      return { base, requireInstance: true, ...common };
    default:
      return bareReference(session, statement, { base, scope });
  }
}

/** Built-in types that say something of their own in a substatement. */
function bareReference(
  session: Session,
  statement: Statement,
  { base, scope }: TypePlace,
): ResolvedType | undefined {
  const common = commonOf(session, statement, scope);
  switch (base) {
    case 'decimal64': {
      const fractionDigits = Number(substatementArgument(statement, 'fraction-digits'));
      const valid = Number.isInteger(fractionDigits) && fractionDigits >= 1 && fractionDigits <= 18;
      return valid ? { base, fractionDigits, range: undefined, ...common } : undefined;
    }
    case 'leafref': {
      const path = unboundPath(findSubstatement(statement, 'path')!, scope.prefixes);
      if (path === undefined) return undefined;
      return { base, path, requireInstance: true, target: undefined, ...common };
    }
    case 'identityref':
      return resolveIdentityref(session, statement, scope);
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
