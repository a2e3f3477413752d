import type { ChoiceNode, DefaultValue, LeafListNode, LeafNode, SchemaNode } from '../schema.ts';
import type { ResolvedType, Typedef } from '../schema-types.ts';
import { argumentPosition, argumentSpan } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import { namesOfScope } from '../types/names.ts';
import { readText } from '../types/read.ts';
import type { Draft } from './draft.ts';
import { propertyOf } from './draft.ts';
import { forbidDefault } from './node-shape.ts';
import type { Session } from './session.ts';
import type { ScopedStatement } from './unit.ts';

/** Sets the default of a leaf, checked against its type (RFC 7950 §7.6.1, §7.6.4). */
export function finishLeafDefault(session: Session, leaf: LeafNode, draft: Draft): void {
  const own = propertyOf(draft, 'default');
  if (leaf.isKey || leaf.mandatory) {
    // Keys always have a value: a default of theirs is ignored (RFC 7950 §7.8.2).
    if (own !== undefined && leaf.isKey)
      readDefault(session, own, { type: leaf.type, from: 'node' });
    return;
  }
  const source = own ?? inheritedDefault(session, leaf.type);
  if (source === undefined) return;
  const from = own === undefined ? 'typedef' : 'node';
  leaf.default = readDefault(session, source, { type: leaf.type, from, user: leaf });
}

/** Sets the defaults of a leaf-list (RFC 7950 §7.7.2, §7.7.4). */
export function finishLeafListDefaults(session: Session, node: LeafListNode, draft: Draft): void {
  if (node.minElements > 0) return;
  const own = draft.properties.get('default');
  const inherited =
    node.module.yangVersion === '1' ? undefined : inheritedDefault(session, node.type);
  const sources = own ?? (inherited === undefined ? [] : [inherited]);
  const from = own === undefined ? 'typedef' : 'node';
  for (const source of sources) {
    const value = readDefault(session, source, { type: node.type, from, user: node });
    if (value === undefined) continue;
    const twice = node.defaults.some((other) => other.canonical === value.canonical);
    if (twice && node.config) {
      const problem = `stands twice among the defaults of "${node.name}"`;
      const span = argumentSpan(source.statement);
      session.reporter.report('bad-default', span, { value: value.text, problem });
    }
    node.defaults.push(value);
  }
}

function inheritedDefault(session: Session, type: ResolvedType): ScopedStatement | undefined {
  const [typedef] = type.typedefs;
  return typedef === undefined ? undefined : session.defaultSources.get(typedef);
}

/** Checks the default of a typedef, used or not. */
export function checkTypedefDefault(session: Session, typedef: Typedef): void {
  const source = session.defaultSources.get(typedef);
  if (source !== undefined) readDefault(session, source, { type: typedef.type, from: 'typedef' });
}

function readDefault(
  session: Session,
  { statement, scope }: ScopedStatement,
  { type, from, user }: { type: ResolvedType; from: DefaultValue['from']; user?: SchemaNode },
): DefaultValue | undefined {
  const text = statement.argument ?? '';
  const read = readText(type, text, namesOfScope(scope.prefixes));
  const position = argumentPosition(statement);
  if (read.ok) return { text, canonical: read.value.canonical, position, from };
  const related =
    user === undefined || from === 'node'
      ? []
      : [{ message: `the type is used by "${user.name}" here`, position: user.position }];
  const parameters = { value: text, problem: read.problem };
  session.reporter.report('bad-default', argumentSpan(statement), parameters, { related });
  return undefined;
}

/** Resolves the default case of a choice (RFC 7950 §7.9.3). */
export function finishChoice(session: Session, choice: ChoiceNode, draft: Draft): void {
  const written = propertyOf(draft, 'default');
  if (written === undefined) return;
  if (choice.mandatory) {
    forbidDefault(session, draft, `mandatory choice "${choice.name}" cannot have a default`);
    return;
  }
  const name = written.statement.argument ?? '';
  const found = choice.children.find((child) => child.name === name.replace(/^.*:/, ''));
  const span = argumentSpan(written.statement);
  if (found === undefined) {
    // A default case that is switched off leaves the choice without one.
    if (draft.children.some((child) => child.name === name)) return;
    const hint = didYouMean(
      name,
      choice.children.map((child) => child.name),
    );
    const parameters = { value: name, problem: `is not a case of choice "${choice.name}"` };
    session.reporter.report('bad-default', span, parameters, { hint });
    return;
  }
  const mandatory = found.children.find((child) => 'mandatory' in child && child.mandatory);
  if (mandatory !== undefined) {
    const problem = `cannot be the default case: "${mandatory.name}" in it is mandatory`;
    session.reporter.report('bad-default', span, { value: name, problem });
    return;
  }
  choice.defaultCase = found;
}
