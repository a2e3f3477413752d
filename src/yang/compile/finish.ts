/** Turns the drafts of a tree into the nodes of the compiled schema, from the top down. */
import type { NodeRealm, SchemaNode, Status } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import { argumentSpan, keywordSpan } from '../statement.ts';
import { reportDuplicate } from './definitions.ts';
import type { Draft } from './draft.ts';
import { argumentOf, propertyOf } from './draft.ts';
import { extensionsIn } from './extensions.ts';
import { shapeNode } from './node-shape.ts';
import type { Common } from './node-shape.ts';
import type { Session } from './session.ts';
import { isOlder } from './status.ts';

/** What is above a node. */
interface Above {
  parent: SchemaNode | undefined;
  realm: NodeRealm;
  config: boolean;
  status: Status;
  /** There is a list without keys above. */
  keyless: boolean;
}

/** A finished node together with the draft that it was made of. */
export interface Finished {
  node: SchemaNode;
  draft: Draft;
}

/** Makes the nodes of a module's top level; every node that is made is added to `finished`. */
export function finishTree(
  session: Session,
  drafts: readonly Draft[],
  { module, finished }: { module: Module; finished: Finished[] },
): void {
  const above: Above = {
    parent: undefined,
    realm: 'data',
    config: true,
    status: 'current',
    keyless: false,
  };
  checkNames(session, drafts);
  module.children = finishAll(session, drafts, { above, owner: module, finished });
}

function finishAll(
  session: Session,
  drafts: readonly Draft[],
  { above, owner, finished }: { above: Above; owner: SchemaNode | Module; finished: Finished[] },
): SchemaNode[] {
  const nodes: SchemaNode[] = [];
  for (const draft of drafts) {
    if (draft.disabled) {
      const names = session.switchedOff.get(owner) ?? new Set<string>();
      session.switchedOff.set(owner, names.add(`${draft.module.module.name}:${draft.name}`));
      continue;
    }
    nodes.push(finishNode(session, draft, { above, finished }));
  }
  return nodes;
}

/** Names of data nodes are unique among siblings, in all cases of a choice together (RFC 7950 §6.2.1). */
function checkNames(session: Session, drafts: readonly Draft[]): void {
  const seen = new Map<string, Draft>();
  const visit = (draft: Draft): void => {
    const key = `${draft.module.module.name}:${draft.name}`;
    const first = seen.get(key);
    if (draft.kind === 'choice' || draft.kind === 'case') {
      if (draft.kind === 'choice' && first !== undefined) report(draft, first);
      checkCaseNames(session, draft);
      for (const child of draft.children) visit(child);
      if (draft.kind === 'choice') seen.set(key, draft);
      return;
    }
    if (first === undefined) seen.set(key, draft);
    else report(draft, first);
  };
  const report = (draft: Draft, first: Draft): void => {
    const { statement } = draft;
    reportDuplicate(session.reporter, { what: 'node', statement, first: first.statement });
  };
  for (const draft of drafts) visit(draft);
}

function checkCaseNames(session: Session, choice: Draft): void {
  if (choice.kind !== 'choice') return;
  const seen = new Map<string, Draft>();
  for (const child of choice.children) {
    const key = `${child.module.module.name}:${child.name}`;
    const first = seen.get(key);
    const { statement } = child;
    if (first !== undefined) {
      reportDuplicate(session.reporter, { what: 'case', statement, first: first.statement });
    }
    seen.set(key, first ?? child);
  }
}

function finishNode(
  session: Session,
  draft: Draft,
  { above, finished }: { above: Above; finished: Finished[] },
): SchemaNode {
  const common = commonOf(session, draft, above);
  const before = session.currentDefinition;
  session.currentDefinition = { name: `"${draft.name}"`, status: common.status };
  const node = shapeNode(session, draft, common);
  session.currentDefinition = before;
  finished.push({ node, draft });
  checkOperationPlace(session, draft, above);
  const below: Above = {
    parent: node,
    realm: realmBelow(node, above),
    config: common.config,
    status: common.status,
    keyless: above.keyless || (node.kind === 'list' && propertyOf(draft, 'key') === undefined),
  };
  if (node.kind !== 'choice' && node.kind !== 'case') checkNames(session, draft.children);
  const children = finishAll(session, draft.children, { above: below, owner: node, finished });
  setChildren(node, children);
  return node;
}

function realmBelow(node: SchemaNode, above: Above): NodeRealm {
  return node.kind === 'input' || node.kind === 'output' || node.kind === 'notification'
    ? node.kind
    : above.realm;
}

function setChildren(node: SchemaNode, children: SchemaNode[]): void {
  node.children = children;
  if (node.kind !== 'rpc' && node.kind !== 'action') return;
  const [input, output] = node.children;
  node.input = input!;
  node.output = output!;
}

function commonOf(session: Session, draft: Draft, above: Above): Common {
  return {
    name: draft.name,
    module: draft.module.module,
    position: draft.statement.position,
    parent: above.parent,
    children: [],
    realm: draft.kind === 'notification' && above.realm === 'data' ? 'notification' : above.realm,
    config: configOf(session, draft, above),
    status: statusOf(session, draft, above),
    description: argumentOf(draft, 'description'),
    reference: argumentOf(draft, 'reference'),
    whens: [],
    extensions: draft.extensionHolders.flatMap(({ statement, scope, place }) =>
      extensionsIn(session, statement, scope, place),
    ),
    statement: draft.statement,
    scope: draft.scope.prefixes,
    changes: draft.changes,
  };
}

function configOf(session: Session, draft: Draft, above: Above): boolean {
  if (above.realm !== 'data' || draft.kind === 'notification') return true;
  if (draft.kind === 'rpc' || draft.kind === 'action') return true;
  const written = propertyOf(draft, 'config');
  if (written === undefined) return above.config;
  const config = written.statement.argument === 'true';
  if (config && !above.config) {
    const span = argumentSpan(written.statement);
    session.reporter.report('config-under-state', span, { name: draft.name });
    return false;
  }
  return config;
}

/** A node without a status has its parent's, as every tool takes it; RFC 7950 §7.21.2 is silent. */
function statusOf(session: Session, draft: Draft, above: Above): Status {
  const written = propertyOf(draft, 'status');
  if (written === undefined) return above.status;
  const status = written.statement.argument as Status;
  if (isOlder(above.status, status)) {
    const parameters = { name: draft.name, status, parent: above.status };
    session.reporter.report('status-of-parent', argumentSpan(written.statement), parameters);
  }
  return status;
}

/** Actions and notifications cannot be in an operation or a list without keys (RFC 7950 §7.15, §7.16). */
function checkOperationPlace(session: Session, draft: Draft, above: Above): void {
  const nested =
    draft.kind === 'action' || (draft.kind === 'notification' && draft.parent !== undefined);
  if (!nested) return;
  const where =
    above.realm !== 'data'
      ? 'in an rpc, action or notification'
      : above.keyless
        ? 'below a list without keys'
        : undefined;
  if (where === undefined) return;
  const parameters = { kind: draft.kind, name: draft.name, where };
  session.reporter.report('misplaced-operation', keywordSpan(draft.statement), parameters);
}
