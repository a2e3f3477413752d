import { MESSAGE, skipTuple } from './messages.ts';

/** Kinds of a value in TupleData (PostgreSQL manual, "Logical Replication Message Formats"). */
const NULL_VALUE = 0x6e;
const UNCHANGED = 0x75;
const NEW_TUPLE = 0x4e;

/** A change as the walsender sends it; `at` is the offset of the relation's oid. */
export interface ChangeSource {
  bytes: Buffer;
  at: number;
}

/**
 * A change without the columns that do not leave the site. The result is a new message of the same form.
 *
 * @param kept for each field of the relation, whether it is shipped
 * @returns undefined when nothing is left of it: an update of such columns only is no change for the others
 */
export function narrowChange(
  kind: number,
  { bytes, at }: ChangeSource,
  kept: readonly boolean[],
): ChangeSource | undefined {
  const first = narrowTuple(bytes, at + 5, kept);
  const head = bytes.subarray(at, at + 5);
  // An update with the old row has two tuples, the second one behind the letter N.
  if (kind !== MESSAGE.update || head[4] === NEW_TUPLE) {
    return { bytes: Buffer.concat([head, first]), at: 0 };
  }
  const end = skipTuple(bytes, at + 5);
  const next = narrowTuple(bytes, end + 1, kept);
  if (isSame(first, next)) return undefined;
  return { bytes: Buffer.concat([head, first, bytes.subarray(end, end + 1), next]), at: 0 };
}

function narrowTuple(bytes: Buffer, at: number, kept: readonly boolean[]): Buffer {
  const parts: Buffer[] = [];
  const count = bytes.readUInt16BE(at);
  let next = at + 2;
  for (let field = 0; field < count; field++) {
    const start = next;
    next = valueEnd(bytes, next);
    if (kept[field] === true) parts.push(bytes.subarray(start, next));
  }
  const head = Buffer.alloc(2);
  head.writeUInt16BE(parts.length);
  return Buffer.concat([head, ...parts]);
}

function valueEnd(bytes: Buffer, at: number): number {
  const kind = bytes[at]!;
  return kind === NULL_VALUE || kind === UNCHANGED ? at + 1 : at + 5 + bytes.readUInt32BE(at + 1);
}

/** Two tuples of one relation; a value that the new one leaves out did not change. */
function isSame(old: Buffer, next: Buffer): boolean {
  let [one, other] = [2, 2];
  while (other < next.length) {
    const [oneEnd, otherEnd] = [valueEnd(old, one), valueEnd(next, other)];
    const same = old.subarray(one, oneEnd).equals(next.subarray(other, otherEnd));
    if (!same && next[other] !== UNCHANGED) return false;
    [one, other] = [oneEnd, otherEnd];
  }
  return true;
}
