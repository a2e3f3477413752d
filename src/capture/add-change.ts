import type { BatchBody } from '../journal/batch-body.ts';
import { CHANGE } from '../journal/batch.ts';
import { KEY_TUPLE, MESSAGE, OLD_TUPLE, skipTuple } from './messages.ts';
import type { ChangeSource } from './narrow.ts';
import type { RelationList } from './relations.ts';

/** Adds an Insert, Update or Delete message to a body, its tuples byte for byte. */
export function addChange(
  body: BatchBody,
  list: RelationList,
  kind: number,
  source: ChangeSource,
): void {
  const { bytes, at } = source;
  const relation = list.indexOf(bytes.readUInt32BE(at));
  const first = at + 5;
  const old = bytes[at + 4] === OLD_TUPLE || bytes[at + 4] === KEY_TUPLE;
  const firstEnd = skipTuple(bytes, first);
  if (kind !== MESSAGE.update) {
    const code = kind === MESSAGE.insert ? CHANGE.insert : CHANGE.remove;
    body.change(code, relation, { bytes, start: first, end: firstEnd });
  } else if (old) {
    const next = firstEnd + 1;
    const end = skipTuple(bytes, next);
    body.update(relation, { bytes, old: first, oldEnd: firstEnd, next, end });
  } else {
    body.change(CHANGE.updateNew, relation, { bytes, start: first, end: firstEnd });
  }
}
