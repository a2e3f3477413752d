import { finishChoice, finishLeafDefault, finishLeafListDefaults } from './defaults.ts';
import type { Finished } from './finish.ts';
import { finishList } from './lists.ts';
import type { Session } from './session.ts';

/** Keys and default cases. */
export function finishStructure(session: Session, finished: readonly Finished[]): void {
  for (const { node, draft } of finished) {
    if (node.kind === 'list') finishList(session, node, draft);
    if (node.kind === 'choice') finishChoice(session, node, draft);
  }
}

/** Defaults of leafs and leaf-lists; keys must be known. */
export function finishDefaults(session: Session, finished: readonly Finished[]): void {
  for (const { node, draft } of finished) {
    if (node.kind === 'leaf') finishLeafDefault(session, node, draft);
    if (node.kind === 'leaf-list') finishLeafListDefaults(session, node, draft);
  }
}
