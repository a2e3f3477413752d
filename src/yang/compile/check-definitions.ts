import type { Statement } from '../statement.ts';
import { argumentSpan } from '../statement.ts';
import { checkTypedefDefault } from './defaults.ts';
import { reportDuplicate } from './definitions.ts';
import { statusOf } from './status.ts';
import type { Session } from './session.ts';
import { resolveTypedef } from './typedefs.ts';
import { BUILT_IN } from './types.ts';
import type { ModuleUnit, Scope } from './unit.ts';

/** Statements that may hold typedefs and groupings, or statements that may. */
const SCOPES = [
  'container',
  'list',
  'grouping',
  'rpc',
  'action',
  'input',
  'output',
  'notification',
  'choice',
  'case',
  'augment',
];

/** Resolves all typedefs, used or not, and reports names that hide others (RFC 7950 §5.5). */
export function checkDefinitions(session: Session, module: ModuleUnit): void {
  for (const unit of module.units) checkLevel(session, unit.root, unit.scope);
  for (const { statement } of module.typedefs.values()) {
    const typedef = session.typedefs.get(statement);
    if (typedef !== undefined) module.module.typedefs.push(typedef);
  }
}

function checkLevel(session: Session, parent: Statement, scope: Scope): void {
  const seen = new Map<string, Statement>();
  for (const child of parent.substatements) {
    if (child.keyword === 'typedef') checkTypedef(session, child, scope);
    if (child.keyword === 'typedef' || child.keyword === 'grouping') {
      if (scope.parent !== undefined) checkHiding(session, child, { scope, seen });
    }
    if (SCOPES.includes(child.keyword)) checkLevel(session, child, scope.inside(child));
  }
}

function checkTypedef(session: Session, statement: Statement, scope: Scope): void {
  if (BUILT_IN.includes(statement.argument ?? '')) {
    const hint = 'This is the name of a built-in type';
    const parameters = { what: 'type', name: statement.argument ?? '' };
    session.reporter.report('duplicate-definition', argumentSpan(statement), parameters, { hint });
  }
  const before = session.currentDefinition;
  const name = `typedef "${statement.argument ?? ''}"`;
  session.currentDefinition = { name, status: statusOf(statement) };
  const typedef = resolveTypedef(session, { statement, scope }, statement);
  if (typedef !== undefined) checkTypedefDefault(session, typedef);
  session.currentDefinition = before;
}

/** A nested definition may neither be there twice nor have the name of an outer one. */
function checkHiding(
  session: Session,
  statement: Statement,
  { scope, seen }: { scope: Scope; seen: Map<string, Statement> },
): void {
  const name = statement.argument ?? '';
  const kind = statement.keyword === 'typedef' ? 'typedef' : 'grouping';
  const key = `${kind} ${name}`;
  const first = seen.get(key) ?? scope.parent?.[kind](name)?.statement;
  if (first !== undefined) reportDuplicate(session.reporter, { what: kind, statement, first });
  seen.set(key, statement);
}
