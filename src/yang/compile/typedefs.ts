/** Typedefs by name, each with its type (RFC 7950 §7.3). */
import type { Typedef } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import { argumentSpan, findSubstatement, substatementArgument } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import { extensionsIn } from './extensions.ts';
import type { Session } from './session.ts';
import { lookUp } from './session.ts';
import { checkStatusReference, statusOf } from './status.ts';
import { BUILT_IN, resolveType } from './types.ts';
import type { Definition, Scope } from './unit.ts';
import { splitName } from './unit.ts';

/** The typedef that a `type` statement names; undefined when there is none, which is reported. */
export function resolveTypedefReference(
  session: Session,
  statement: Statement,
  scope: Scope,
): Typedef | undefined {
  const { prefix, name } = splitName(statement.argument ?? '');
  const span = argumentSpan(statement);
  if (prefix === undefined && scope.typedef(name) === undefined) {
    const hint =
      didYouMean(name, [...BUILT_IN, ...scope.visible('typedefs')]) ?? hintPrefix(scope, name);
    session.reporter.report('unknown-reference', span, { what: 'type', name }, { hint });
    return undefined;
  }
  const definition = lookUp(session, 'typedef', { prefix, name, span, scope });
  if (definition === undefined) return undefined;
  const typedef = resolveTypedef(session, definition, statement);
  if (typedef !== undefined && definition.scope.unit.owner === scope.unit.owner) {
    checkStatusReference(session, statement, { what: 'typedef', name, status: typedef.status });
  }
  return typedef;
}

function hintPrefix(scope: Scope, name: string): string | undefined {
  for (const [prefix, module] of scope.unit.imports) {
    if (module.typedefs.has(name)) return `Did you mean "${prefix}:${name}"?`;
  }
  return undefined;
}

/** A typedef with its type; each is resolved once. Undefined when it is wrong or refers to itself. */
export function resolveTypedef(
  session: Session,
  { statement, scope }: Definition,
  from: Statement,
): Typedef | undefined {
  if (session.typedefs.has(statement)) {
    const known = session.typedefs.get(statement);
    if (known === undefined && session.openTypedefs.has(statement)) {
      const parameters = { what: 'typedef', cycle: statement.argument ?? '' };
      session.reporter.report('reference-cycle', argumentSpan(from), parameters);
    }
    return known;
  }
  session.typedefs.set(statement, undefined);
  session.openTypedefs.add(statement);
  const typeStatement = findSubstatement(statement, 'type');
  const type = typeStatement === undefined ? undefined : resolveType(session, typeStatement, scope);
  session.openTypedefs.delete(statement);
  if (type === undefined) return undefined;
  const inherited = type.typedefs[0];
  const typedef: Typedef = {
    name: statement.argument ?? '',
    module: scope.unit.owner.module.name,
    position: statement.position,
    status: statusOf(statement),
    units: substatementArgument(statement, 'units') ?? inherited?.units,
    default: substatementArgument(statement, 'default') ?? inherited?.default,
    description: substatementArgument(statement, 'description'),
    reference: substatementArgument(statement, 'reference'),
    type,
    extensions: extensionsIn(session, statement, scope),
  };
  const own = findSubstatement(statement, 'default');
  const source =
    own === undefined ? session.defaultSources.get(inherited!) : { statement: own, scope };
  if (source !== undefined) session.defaultSources.set(typedef, source);
  session.typedefs.set(statement, typedef);
  return typedef;
}
