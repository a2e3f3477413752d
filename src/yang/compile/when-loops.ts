import type { SchemaNode } from '../schema.ts';
import { spanOf } from '../source.ts';
import type { Finished } from './finish.ts';
import type { Session } from './session.ts';

/** Reports conditions of which each needs another to be decided first (RFC 7950 §7.21.5). */
export function checkWhenLoops(session: Session, finished: readonly Finished[]): void {
  const done = new Set<SchemaNode>();
  for (const { node } of finished) {
    if (node.whens.length === 0 || done.has(node)) continue;
    const loop = findLoop(node, done);
    if (loop === undefined) continue;
    const { xpath } = loop[0]!.whens[0]!;
    const cycle = [...loop, loop[0]!].map(({ name }) => name).join(' → ');
    session.reporter.report('when-loop', spanOf(xpath.position, xpath.text.length), { cycle });
  }
}

/** A walk along conditions that comes back to a node on it; nodes that lead nowhere are added to `done`. */
function findLoop(start: SchemaNode, done: Set<SchemaNode>): SchemaNode[] | undefined {
  const path: SchemaNode[] = [];
  const visit = (node: SchemaNode): SchemaNode[] | undefined => {
    const index = path.indexOf(node);
    if (index >= 0) return path.slice(index);
    if (done.has(node)) return undefined;
    path.push(node);
    for (const next of dependencies(node)) {
      const found = visit(next);
      if (found !== undefined) return found;
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  const loop = visit(start);
  for (const node of path) done.add(node);
  return loop;
}

/** Other nodes with a condition that a node's own conditions look at; not what it is in. */
function dependencies(node: SchemaNode): SchemaNode[] {
  const above = new Set<SchemaNode>();
  for (let at: SchemaNode | undefined = node; at !== undefined; at = at.parent) above.add(at);
  const found = new Set<SchemaNode>();
  for (const { xpath } of node.whens) {
    for (const targets of xpath.targets.values()) {
      for (const target of targets) {
        if (target.whens.length > 0 && !above.has(target)) found.add(target);
      }
    }
  }
  return [...found];
}
