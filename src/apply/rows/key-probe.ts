import { newFields } from './tuple.ts';
import type { Fields } from './tuple.ts';

/** The key of one change, where its bytes lie. One object is used again for every change. */
export class KeyProbe {
  bytes: Buffer = Buffer.alloc(0);
  fields: Fields = newFields();
  hash = 0;

  /** Points at the key in a tuple whose fields were located. */
  set(bytes: Buffer, fields: Fields, key: readonly number[]): this {
    this.bytes = bytes;
    this.fields = fields;
    this.hash = hashOf(bytes, fields, key);
    return this;
  }
}

/** FNV-1a (draft-eastlake-fnv) over the key's values and their lengths. */
function hashOf(bytes: Buffer, fields: Fields, key: readonly number[]): number {
  let hash = -2128831035;
  for (const field of key) {
    const start = fields[2 * field]!;
    const length = fields[2 * field + 1]!;
    hash = Math.imul(hash ^ length, 16777619);
    for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ bytes[at]!, 16777619);
  }
  return hash;
}
