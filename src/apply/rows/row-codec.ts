import { valueColumns } from '../../merge/policy.ts';
import type { RowVersion } from '../../merge/types.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Shape } from '../../sql/names/shape.ts';

/** Converts between a shape's columns in text form and merge's row versions. */
export class RowCodec {
  readonly shape: Shape;
  readonly #birth: number;
  readonly #stamps: number[];
  readonly #values: number[];
  readonly #key: number[];

  constructor(shape: Shape) {
    this.shape = shape;
    const place = (name: string): number =>
      shape.columns.findIndex((column) => column.name === name);
    this.#birth = place(BIRTH_COLUMN);
    this.#stamps = shape.entity.groups.map((group) => place(group.stamp));
    this.#values = valueColumns(shape.entity).map((column) => place(column.name));
    this.#key = shape.entity.key.map(place);
  }

  /** The version that the texts describe. A column that the shape has not is NULL. */
  version(texts: readonly (string | null)[]): RowVersion {
    const text = (place: number): string | null => (place < 0 ? null : (texts[place] ?? null));
    return {
      birth: BigInt(text(this.#birth) ?? 0),
      stamps: this.#stamps.map((place) => BigInt(text(place) ?? 0)),
      values: this.#values.map(text),
    };
  }

  /** The shape's columns of a version, with the key of the given texts. */
  texts(version: RowVersion, keySource: readonly (string | null)[]): (string | null)[] {
    const texts = Array.from<string | null>({ length: this.shape.columns.length }).fill(null);
    for (const place of this.#key) texts[place] = keySource[place] ?? null;
    texts[this.#birth] = version.birth.toString();
    for (const [index, place] of this.#stamps.entries()) {
      texts[place] = version.stamps[index]!.toString();
    }
    for (const [index, place] of this.#values.entries()) {
      if (place >= 0) texts[place] = version.values[index] ?? null;
    }
    return texts;
  }

  /** The key columns' texts, in the shape's order (the order that the slow statements take). */
  key(texts: readonly (string | null)[]): (string | null)[] {
    const keys = new Set(this.#key);
    return texts.filter((_, place) => keys.has(place));
  }
}
