import type { Diagnostic } from '../diagnostics.ts';
import type { BoundXPath, Must, SchemaNode, When } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import { substatementArgument } from '../statement.ts';
import type { BindOptions } from '../xpath/bind.ts';
import { bindXPath } from '../xpath/bind.ts';
import { contextXPath } from '../xpath/bound.ts';
import { parentOf } from '../xpath/schema-axes.ts';
import type { Draft } from './draft.ts';
import { extensionsIn } from './extensions.ts';
import type { Session } from './session.ts';

/** Makes the `must` and `when` conditions of a node and binds them (RFC 7950 §7.5.3, §7.21.5). */
export function finishConditions(
  session: Session,
  { node, draft }: { node: SchemaNode; draft: Draft },
  {
    options,
    strict,
  }: { options: Omit<BindOptions, 'isPath' | 'realm'>; strict: ReadonlySet<Module> },
): void {
  const bind = (xpath: BoundXPath): void =>
    bindXPath(xpath, {
      ...options,
      realm: node.realm,
      isPath: false,
      report: (diagnostic) =>
        options.report(strict.has(xpath.scope.module) ? diagnostic : soften(diagnostic)),
    });
  if ('musts' in node) {
    for (const must of draft.properties.get('must') ?? []) {
      const { statement, scope } = must;
      const xpath = contextXPath(statement, { scope: scope.prefixes, context: node });
      if (xpath === undefined) continue;
      bind(xpath);
      node.musts.push({
        xpath,
        errorMessage: substatementArgument(statement, 'error-message'),
        errorAppTag: substatementArgument(statement, 'error-app-tag'),
        ...commonOf(session, must),
      } satisfies Must);
    }
  }
  for (const when of draft.whens) {
    const context = when.context === 'self' ? node : contextAbove(node);
    const xpath = contextXPath(when.statement, { scope: when.scope.prefixes, context });
    if (xpath === undefined) continue;
    bind(xpath);
    node.whens.push({ xpath, ...commonOf(session, when) } satisfies When);
  }
}

/** A name that leads nowhere selects nothing, which XPath allows. */
function soften(diagnostic: Diagnostic): Diagnostic {
  const lenient = ['xpath-unknown-node', 'xpath-unknown-identity'].includes(diagnostic.code);
  return lenient ? { ...diagnostic, severity: 'warning' } : diagnostic;
}

function contextAbove(node: SchemaNode): SchemaNode | undefined {
  const parent = parentOf(node);
  return parent === undefined || parent === 'root' ? undefined : parent;
}

function commonOf(
  session: Session,
  {
    statement,
    scope,
  }: Draft['whens'][number] | { statement: Draft['statement']; scope: Draft['scope'] },
): Pick<When, 'description' | 'position' | 'statement' | 'extensions'> {
  return {
    description: substatementArgument(statement, 'description'),
    position: statement.position,
    statement,
    extensions: extensionsIn(session, statement, scope),
  };
}
