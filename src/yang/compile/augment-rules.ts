import type { SchemaNode } from '../schema.ts';
import { argumentSpan } from '../statement.ts';
import type { Finished } from './finish.ts';
import type { Session } from './session.ts';

/**
 * An augment without `when` cannot make configuration of another module's node mandatory: its clients do
 * not know of it (RFC 7950 §7.17).
 */
export function checkMandatoryAugments(session: Session, finished: readonly Finished[]): void {
  for (const { node, draft } of finished) {
    const augment = draft.unconditionalAugment;
    if (augment === undefined || !node.config || node.realm !== 'data') continue;
    const mandatory = mandatoryNode(node);
    if (mandatory === undefined) continue;
    const related = [
      { message: `"${mandatory.name}" is defined here`, position: mandatory.position },
    ];
    const hint = 'Add "when" to the augment, or make the node optional';
    const parameters = { name: mandatory.name };
    const help = { hint, related };
    session.reporter.report('mandatory-augment', argumentSpan(augment), parameters, help);
  }
}

/** The node itself, or one in its containers, that every instance must have (RFC 7950 §3). */
export function mandatoryNode(node: SchemaNode): SchemaNode | undefined {
  if (node.whens.length > 0) return undefined;
  switch (node.kind) {
    case 'leaf':
    case 'choice':
    case 'anydata':
    case 'anyxml':
      return node.mandatory ? node : undefined;
    case 'list':
    case 'leaf-list':
      return node.minElements > 0 ? node : undefined;
    case 'container': {
      if (node.presence !== undefined) return undefined;
      for (const child of node.children) {
        const found = mandatoryNode(child);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}
