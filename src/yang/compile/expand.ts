import type { Statement } from '../statement.ts';
import { argumentSpan, findSubstatements } from '../statement.ts';
import type { Draft } from './draft.ts';
import { createDraft, createImplied, isNodeKind } from './draft.ts';
import { applyRefine } from './refine.ts';
import type { Session } from './session.ts';
import { MAX_NODES, lookUp } from './session.ts';
import { walkDescendant } from './draft-path.ts';
import { checkStatusReference, statusOf } from './status.ts';
import type { ModuleUnit, Scope } from './unit.ts';
import { splitName } from './unit.ts';

/** Where statements are expanded to drafts. */
export interface ExpandPlace {
  /** Scope of the statements that are expanded. */
  scope: Scope;
  /** Namespace of the new nodes. */
  module: ModuleUnit;
  parent: Draft | undefined;
  /** The list that new nodes are added to: the parent's children, or a module's top level. */
  into: Draft[];
  /** Groupings that are being expanded, to find cycles. */
  chain: readonly Statement[];
}

/** Makes drafts of all node definitions and `uses` directly below a statement. */
export function expandChildren(session: Session, statement: Statement, place: ExpandPlace): void {
  for (const child of statement.substatements) {
    if (child.keyword === 'uses') expandUses(session, child, place);
    else if (isNodeKind(child.keyword)) expandNode(session, child, place);
  }
}

function expandNode(session: Session, statement: Statement, place: ExpandPlace): void {
  const kind = statement.keyword;
  if (!isNodeKind(kind)) return;
  if (place.parent?.kind === 'choice' && kind !== 'case') {
    expandShorthand(session, statement, place);
    return;
  }
  session.nodes += 1;
  if (session.nodes > MAX_NODES) {
    if (session.nodes === MAX_NODES + 1) {
      session.reporter.report('too-many-nodes', argumentSpan(statement), { limit: MAX_NODES });
    }
    return;
  }
  const { scope, module, parent } = place;
  const draft = createDraft(kind, { statement, scope, module, parent });
  place.into.push(draft);
  draft.disabled = !session.features.allEnabled(statement, scope);
  expandChildren(session, statement, inside(draft, place));
  if (kind === 'rpc' || kind === 'action') implyInputOutput(draft);
}

function inside(draft: Draft, place: ExpandPlace): ExpandPlace {
  const scope = place.scope.inside(draft.statement);
  return { ...place, scope, parent: draft, into: draft.children };
}

/** A node directly below a choice is the only one of a case of its name (RFC 7950 §7.9.2). */
function expandShorthand(session: Session, statement: Statement, place: ExpandPlace): void {
  const { scope, module, parent } = place;
  const draft = createImplied('case', { statement, scope, module, parent });
  place.into.push(draft);
  expandNode(session, statement, { ...place, parent: draft, into: draft.children });
  draft.disabled = draft.children[0]?.disabled ?? false;
}

/** Operations have an input and an output even when nothing is in them (RFC 7950 §7.14). */
function implyInputOutput(operation: Draft): void {
  const { statement, scope, module } = operation;
  const [input, output] = (['input', 'output'] as const).map(
    (kind) =>
      operation.children.find((child) => child.kind === kind) ??
      createImplied(kind, { statement, scope, module, parent: operation }),
  );
  operation.children = [input!, output!];
}

/** Copies the nodes of a grouping in and changes them as `uses` says (RFC 7950 §7.13). */
function expandUses(session: Session, uses: Statement, place: ExpandPlace): void {
  const span = argumentSpan(uses);
  const { prefix, name } = splitName(uses.argument ?? '');
  const grouping = lookUp(session, 'grouping', { prefix, name, span, scope: place.scope });
  const enabled = session.features.allEnabled(uses, place.scope);
  if (grouping === undefined || session.nodes > MAX_NODES) return;
  session.usedGroupings.add(grouping.statement);
  if (grouping.scope.unit.owner === place.scope.unit.owner) {
    const from = { name: `"uses ${name}"`, status: statusOf(uses) };
    const status = statusOf(grouping.statement);
    checkStatusReference(session, uses, { what: 'grouping', name, status }, from);
  }
  if (place.chain.includes(grouping.statement)) {
    const cycle = [
      ...place.chain.slice(place.chain.indexOf(grouping.statement)),
      grouping.statement,
    ]
      .map((statement) => statement.argument)
      .join(' → ');
    session.reporter.report('reference-cycle', span, { what: 'grouping', cycle });
    return;
  }
  const before = place.into.length;
  expandChildren(session, grouping.statement, {
    ...place,
    scope: grouping.scope.inside(grouping.statement),
    chain: [...place.chain, grouping.statement],
  });
  if (session.nodes > MAX_NODES) return;
  const added = place.into.slice(before);
  changeUsed(session, uses, { added, place });
  conditionUsed(uses, { added, enabled, place });
}

function changeUsed(
  session: Session,
  uses: Statement,
  { added, place }: { added: Draft[]; place: ExpandPlace },
): void {
  for (const refine of findSubstatements(uses, 'refine')) {
    const { scope, module } = place;
    const target = walkDescendant(session, refine, { scope, module, children: added });
    if (target !== undefined) applyRefine(session, refine, { target, scope });
  }
  for (const augment of findSubstatements(uses, 'augment')) {
    const { scope, module } = place;
    const target = walkDescendant(session, augment, { scope, module, children: added });
    if (target !== undefined) augmentDraft(session, augment, { target, place });
  }
}

/** Conditions of a `uses` hold for every node that it brings; their context is the node around it. */
function conditionUsed(
  uses: Statement,
  { added, enabled, place }: { added: Draft[]; enabled: boolean; place: ExpandPlace },
): void {
  const whens = findSubstatements(uses, 'when');
  for (const draft of added) {
    if (!enabled) draft.disabled = true;
    for (const statement of whens) {
      draft.whens.push({ statement, scope: place.scope, context: 'parent' });
    }
  }
}

const AUGMENTABLE = ['container', 'list', 'choice', 'case', 'input', 'output', 'notification'];

/** Adds the nodes of an `augment` to its target (RFC 7950 §7.17). */
export function augmentDraft(
  session: Session,
  augment: Statement,
  { target, place }: { target: Draft; place: Omit<ExpandPlace, 'parent' | 'into'> },
): Draft[] {
  if (!AUGMENTABLE.includes(target.kind)) {
    const parameters = { statement: 'augment', kind: target.kind, name: target.name };
    const expected = `a path to a ${AUGMENTABLE.slice(0, -1).join(', ')} or notification`;
    session.reporter.report('wrong-node-kind', argumentSpan(augment), parameters, { expected });
    return [];
  }
  reportMisplacedCases(session, augment, target);
  const enabled = session.features.allEnabled(augment, place.scope);
  const before = target.children.length;
  expandChildren(session, augment, {
    ...place,
    scope: place.scope.inside(augment),
    parent: target,
    into: target.children,
  });
  const added = target.children.slice(before);
  for (const draft of added) {
    if (!enabled) draft.disabled = true;
    for (const statement of findSubstatements(augment, 'when')) {
      draft.whens.push({ statement, scope: place.scope, context: 'parent' });
    }
  }
  return added;
}

function reportMisplacedCases(session: Session, augment: Statement, target: Draft): void {
  if (target.kind === 'choice') return;
  for (const statement of findSubstatements(augment, 'case')) {
    const parameters = { statement: 'case', kind: target.kind, name: target.name };
    session.reporter.report('wrong-node-kind', argumentSpan(statement), parameters);
  }
}
