import { TextProblem } from '../problem.ts';
import { requireType, typeName } from '../rr-types.ts';
import type { Field } from './field.ts';
import type { WireReader, WireWriter } from './wire.ts';

/**
 * The set of types of NSEC, NSEC3 and CSYNC (RFC 4034 §4.1.2): blocks of 256 types, each `window, length,
 * bitmap`. The canonical text is in the order of the numbers.
 */
export const typeBitmap: Field = {
  parse(input, wire) {
    const types = new Set<number>();
    while (input.peek() !== undefined) types.add(requireType(input.word('a record type')));
    writeWindows(wire, [...types]);
  },
  format(wire) {
    const names: string[] = [];
    let last = -1;
    while (wire.left > 0) {
      const window = wire.u8();
      if (window <= last) throw broken('its windows are not in order');
      last = window;
      names.push(...readWindow(wire, window));
    }
    return names.join(' ');
  },
};

function writeWindows(wire: WireWriter, types: number[]): void {
  types.sort((one, other) => one - other);
  for (let from = 0; from < types.length;) {
    const window = types[from]! >> 8;
    const bitmap = Buffer.alloc(32);
    let length = 0;
    for (; from < types.length && types[from]! >> 8 === window; from++) {
      const low = types[from]! & 0xff;
      length = (low >> 3) + 1;
      bitmap[low >> 3]! |= 0x80 >> (low & 7);
    }
    wire.u8(window);
    wire.counted(bitmap.subarray(0, length));
  }
}

function readWindow(wire: WireReader, window: number): string[] {
  const bitmap = wire.counted();
  if (bitmap.length === 0 || bitmap.length > 32) throw broken('a window is empty or too long');
  const names: string[] = [];
  for (let low = 0; low < bitmap.length * 8; low++) {
    if ((bitmap[low >> 3]! & (0x80 >> (low & 7))) !== 0) names.push(typeName((window << 8) | low));
  }
  return names;
}

function broken(why: string): TextProblem {
  return new TextProblem(`the bitmap of types is broken: ${why}`, 'See RFC 4034 §4.1.2');
}
