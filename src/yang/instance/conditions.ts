/** `must` and `when` on instances (RFC 7950 §7.5.3, §7.21.5). */
import type { Must, SchemaNode, When } from '../schema.ts';
import { isDataNode } from '../tree.ts';
import { evaluateXPath } from '../xpath/evaluate.ts';
import { toBoolean } from '../xpath/values.ts';
import type { References } from './references.ts';
import type { InstanceSession } from './session.ts';
import { spanOfNode } from './session.ts';
import type { InstanceNode } from './tree.ts';
import { createInstance, instancePath } from './tree.ts';

export class Conditions {
  readonly #session: InstanceSession;
  readonly #references: References;

  constructor(session: InstanceSession, references: References) {
    this.#session = session;
    this.#references = references;
  }

  /** Whether a node may exist below `parent`, where it does not exist yet. */
  holdAt(schema: SchemaNode, parent: InstanceNode): boolean {
    // Conditions of a node may look at the node itself: one without content stands for it.
    const stand = isDataNode(schema) ? createInstance(schema, parent, { order: Infinity }) : parent;
    return schema.whens.every((when) => this.#holds(when, stand));
  }

  /** Reports a node that is there although a condition of it, or of its case or choice, is false. */
  checkWhens(node: InstanceNode): void {
    let schema: SchemaNode | undefined = node.schema;
    while (schema !== undefined && schema !== node.parent?.schema) {
      const failed = schema.whens.find((when) => !this.#holds(when, node));
      if (failed !== undefined) {
        this.#reportWhen(node, failed);
        return;
      }
      schema = schema.parent;
      if (schema !== undefined && isDataNode(schema)) return;
    }
  }

  #reportWhen(node: InstanceNode, when: When): void {
    const parameters = { path: instancePath(node), condition: when.xpath.text };
    const related = [{ message: 'the condition is here', position: when.position }];
    const span = spanOfNode(this.#session, node);
    this.#session.reporter.report('when-violation', span, parameters, { related });
  }

  /** Reports the `must` conditions of a node that are false. */
  checkMusts(node: InstanceNode): void {
    const { schema } = node;
    if (schema === undefined || !('musts' in schema)) return;
    for (const must of schema.musts) {
      if (!toBoolean(evaluateXPath(must.xpath, node, this.#references.dereference))) {
        this.#reportMust(node, must);
      }
    }
  }

  #reportMust(node: InstanceNode, must: Must): void {
    const message = must.errorMessage ?? `"${must.xpath.text}" must be true`;
    const related = [{ message: 'the condition is here', position: must.position }];
    const hint = must.errorMessage === undefined ? undefined : `Required: ${must.xpath.text}`;
    const parameters = { path: instancePath(node), message };
    const span = spanOfNode(this.#session, node);
    this.#session.reporter.report('must-violation', span, parameters, { related, hint });
  }

  #holds(when: When, node: InstanceNode): boolean {
    const context = contextOf(when, node);
    if (context === undefined) return true;
    return toBoolean(evaluateXPath(when.xpath, context, this.#references.dereference));
  }
}

/** The instance at which a condition is evaluated: the node, or the one around it that the schema says. */
function contextOf(when: When, node: InstanceNode): InstanceNode | undefined {
  let at: InstanceNode | undefined = node;
  while (at !== undefined && at.schema !== when.xpath.context) at = at.parent;
  return at;
}
