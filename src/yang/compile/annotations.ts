import type { Annotation } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import { findSubstatement, keywordSpan, substatementArgument } from '../statement.ts';
import type { Session } from './session.ts';
import { resolveType } from './types.ts';
import type { Scope } from './unit.ts';

/** The `md:annotation` statements at the top of a file (RFC 7952 §3). */
export function annotationsIn(session: Session, root: Statement, scope: Scope): Annotation[] {
  const found: Annotation[] = [];
  for (const statement of root.substatements) {
    if (statement.prefix === undefined || statement.name !== 'annotation') continue;
    const definer = scope.unit.imports.get(statement.prefix)?.module;
    if (definer?.name !== 'ietf-yang-metadata' || statement.argument === undefined) continue;
    const typeStatement = findSubstatement(statement, 'type');
    if (typeStatement === undefined) {
      const parameters = { keyword: 'type', parent: statement.keyword };
      session.reporter.report('missing-statement', keywordSpan(statement), parameters);
      continue;
    }
    const type = resolveType(session, typeStatement, scope);
    if (type === undefined) continue;
    found.push({
      name: statement.argument,
      module: scope.unit.owner.module.name,
      type,
      description: substatementArgument(statement, 'description'),
      position: statement.position,
    });
  }
  return found;
}
