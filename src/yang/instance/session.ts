import type { NodeRealm, SchemaContext, SchemaNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import type { Reporter } from '../reporter.ts';
import type { Span } from '../source.ts';
import type { DataNode } from '../tree.ts';
import { findDataChild } from '../tree.ts';
import type { InstanceNode } from './tree.ts';

/**
 * What a document holds: `config` is configuration only, `data` also state; `rpc`, `reply` and
 * `notification` hold one operation or notification and what leads to it (RFC 7951 §5).
 */
export type InstanceContent = 'config' | 'data' | 'rpc' | 'reply' | 'notification';

/** What one validation works on. */
export interface InstanceSession {
  context: SchemaContext;
  content: InstanceContent;
  reporter: Reporter;
  /** Span of the whole document, for what is missing at its top. */
  document: Span;
}

/** Where to point for something that is wrong with or missing in a node. */
export function spanOfNode(session: InstanceSession, node: InstanceNode): Span {
  for (let at: InstanceNode | undefined = node; at !== undefined; at = at.parent) {
    if (at.span !== undefined) return at.span;
  }
  return session.document;
}

/** The schema child with this name; of operations, in the part that the document holds. */
export function childSchema(
  session: InstanceSession,
  parent: SchemaNode | undefined,
  { module, name }: { module: Module; name: string },
): DataNode | undefined {
  return findDataChild(parent === undefined ? module : partOf(session, parent), module.name, name);
}

/** The node whose children the data has: of an operation its input or output. */
export function partOf(session: InstanceSession, node: SchemaNode): SchemaNode {
  if (node.kind !== 'rpc' && node.kind !== 'action') return node;
  return session.content === 'reply' ? node.output : node.input;
}

/** The realm of nodes that the document is about; ancestors of an action or notification only lead to it. */
export function realmOf(content: InstanceContent): NodeRealm {
  if (content === 'rpc') return 'input';
  if (content === 'reply') return 'output';
  return content === 'notification' ? 'notification' : 'data';
}
