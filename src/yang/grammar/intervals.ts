import type { Parsed } from './arguments.ts';

/** A bound as written: a number, or the bound of the type that is restricted. */
export type WrittenBound = 'min' | 'max' | WrittenNumber;

/** A number without rounding: `digits` × 10^-scale. */
export interface WrittenNumber {
  units: bigint;
  scale: number;
}

/** One part of a `range` or `length` argument, before `min` and `max` are known. */
export interface WrittenInterval {
  from: WrittenBound;
  to: WrittenBound;
  text: string;
  offset: number;
}

const NUMBER = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** Parses `range-arg` and `length-arg` (RFC 7950 §9.2.4, §9.4.4). */
export function parseIntervals(text: string, kind: 'range' | 'length'): Parsed<WrittenInterval[]> {
  const intervals: WrittenInterval[] = [];
  let offset = 0;
  for (const piece of text.split('|')) {
    const lead = piece.length - piece.trimStart().length;
    const part = piece.trim();
    const bounds = part.split('..').map((bound) => parseBound(bound.trim(), kind));
    const [from, to = from] = bounds;
    if (bounds.length > 2 || from === undefined || to === undefined) {
      const problem = `"${part}" is not a bound, and not two bounds with ".." between them`;
      return { ok: false, error: { offset: offset + lead, length: part.length || 1, problem } };
    }
    intervals.push({ from, to, text: part, offset: offset + lead });
    offset += piece.length + 1;
  }
  return { ok: true, value: intervals };
}

function parseBound(text: string, kind: 'range' | 'length'): WrittenBound | undefined {
  if (text === 'min' || text === 'max') return text;
  const number = parseNumber(text);
  if (number === undefined) return undefined;
  return kind === 'length' && (number.scale > 0 || number.units < 0n) ? undefined : number;
}

/** A decimal number without rounding; undefined when the text is none. */
export function parseNumber(text: string): WrittenNumber | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const fraction = match[3] ?? '';
  const units = BigInt(match[2]! + fraction);
  return { units: match[1] === '-' ? -units : units, scale: fraction.length };
}
