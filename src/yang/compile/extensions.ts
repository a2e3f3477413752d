import type { ExtensionInstance } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import { argumentPosition, argumentSpan, keywordSpan } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import type { Session } from './session.ts';
import { resolvePrefix } from './session.ts';
import type { Scope } from './unit.ts';

/** The extension statements directly below a statement, with what is nested in them. */
export function extensionsIn(
  session: Session,
  statement: Statement,
  scope: Scope,
  place: ExtensionInstance['place'] = 'own',
): ExtensionInstance[] {
  const instances: ExtensionInstance[] = [];
  for (const child of statement.substatements) {
    if (child.prefix === undefined) continue;
    const instance = createInstance(session, child, { scope, place });
    if (instance !== undefined) instances.push(instance);
  }
  return instances;
}

function createInstance(
  session: Session,
  statement: Statement,
  { scope, place }: { scope: Scope; place: ExtensionInstance['place'] },
): ExtensionInstance | undefined {
  const module = scope.unit.imports.get(statement.prefix!);
  if (module === undefined) return undefined;
  const definition = session.definitions.extension(module, statement.name);
  if (definition === undefined) return undefined;
  return {
    module: module.module.name,
    name: statement.name,
    argument: statement.argument,
    position: statement.position,
    argumentPosition: argumentPosition(statement),
    place,
    children: extensionsIn(session, statement, scope, place),
    statement,
    definition,
    scope: scope.prefixes,
  };
}

/** Checks that every extension statement in a file is one of a module that the file imports. */
export function checkExtensions(session: Session, statement: Statement, scope: Scope): void {
  for (const child of statement.substatements) {
    if (child.prefix !== undefined) checkInstance(session, child, scope);
    checkExtensions(session, child, scope);
  }
}

function checkInstance(session: Session, statement: Statement, scope: Scope): void {
  const span = keywordSpan(statement);
  const module = resolvePrefix(session, scope.unit, statement.prefix, span);
  if (module === undefined) return;
  const definition = session.definitions.extension(module, statement.name);
  const { keyword, name, prefix, argument } = statement;
  if (definition === undefined) {
    const near = didYouMean(name, module.extensions.keys());
    const hint = near?.replace(/"(.*)"/, `"${prefix}:$1"`);
    const parameters = { prefix: prefix!, name, module: module.module.name };
    session.reporter.report('unknown-extension', span, parameters, { hint });
  } else if (definition.argument === undefined && argument !== undefined) {
    session.reporter.report('unexpected-argument', argumentSpan(statement), { keyword });
  } else if (definition.argument !== undefined && argument === undefined) {
    const expected = `the argument "${definition.argument}"`;
    session.reporter.report('missing-argument', span, { keyword }, { expected });
  }
}
