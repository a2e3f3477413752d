import { MESSAGE, OLD_TUPLE } from './messages.ts';
import type { ChangeSource } from './narrow.ts';
import type { PassedOverBy } from './passed-over.ts';
import type { Relations } from './relations.ts';

/** Changes of which the WAL does not have what other sites would need: they are passed over and told. */
export class Unshippable {
  readonly #relations: Relations;
  readonly #tell: (table: string, by: PassedOverBy) => void;

  constructor(
    relations: Relations,
    tell: (table: string, by: PassedOverBy) => void = () => undefined,
  ) {
    this.#relations = relations;
    this.#tell = tell;
  }

  /** A Truncate message: the trigger that refuses it was disabled or dropped. What the table had is not in the WAL. */
  truncated(bytes: Buffer, at: number): void {
    const count = bytes.readUInt32BE(at);
    for (let index = 0; index < count; index++) {
      this.#tell(this.#relations.name(bytes.readUInt32BE(at + 5 + 4 * index)), 'truncate');
    }
  }

  /** An update or a delete without the row before, which says what was changed and over which stamps. */
  isIncomplete(kind: number, { bytes, at }: ChangeSource): boolean {
    if (kind === MESSAGE.insert || bytes[at + 4] === OLD_TUPLE) return false;
    const oid = bytes.readUInt32BE(at);
    if (!this.#relations.needsOld(oid)) return false;
    this.#tell(this.#relations.name(oid), 'replica identity');
    return true;
  }
}
