import { TextProblem, quote } from './problem.ts';

/** Longest TTL in seconds (RFC 2181 §8). */
export const MAX_TTL = 2 ** 31 - 1;

/** Longest time of other fields, 32 bits. */
const MAX_TIME = 2 ** 32 - 1;

const SECONDS: Record<string, number> = { w: 604_800, d: 86_400, h: 3_600, m: 60, s: 1 };

/** True if the text begins as a TTL does; no type or class begins with a digit. */
export function looksLikeTtl(text: string): boolean {
  return /^\d/.test(text);
}

/**
 * Seconds of a time such as `3600`, `1h` or `1W2D3h4m5s`: a plain number, or numbers that each have a
 * unit, as BIND has them.
 *
 * @throws TextProblem
 */
export function parseTime(text: string, limit = MAX_TIME): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : sumUnits(text);
  if (seconds !== undefined && seconds <= limit) return seconds;
  throw new TextProblem(
    `${quote(text)} is not a time of at most ${limit} seconds`,
    'Write seconds, or numbers with the units w, d, h, m, s: 3600, 1h, 1w2d',
  );
}

/** @throws TextProblem for what is no TTL of RFC 2181 §8 */
export function parseTtl(text: string): number {
  return parseTime(text, MAX_TTL);
}

function sumUnits(text: string): number | undefined {
  if (!/^(\d+[wdhms])+$/i.test(text)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([wdhms])/gi)) {
    seconds += Number(count) * SECONDS[unit!.toLowerCase()]!;
  }
  return seconds;
}
