import type { Position, SourceFile } from '../source.ts';

/** Turns offsets in a text into positions. */
export class LineIndex {
  readonly #file: string;
  readonly #starts: number[] = [0];

  constructor(source: SourceFile) {
    this.#file = source.name;
    for (let at = source.text.indexOf('\n'); at >= 0; at = source.text.indexOf('\n', at + 1)) {
      this.#starts.push(at + 1);
    }
  }

  position(offset: number): Position {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.#file, line: low + 1, column: offset - this.#starts[low]! + 1 };
  }
}
