import type { Value } from '../../src/merge/types.ts';

/*
 * Times at which rows expire, as a service writes them. Read and written apart from src/merge/expiry.ts.
 */

/** 2020-01-01 UTC in ms. */
const EPOCH = Date.UTC(2020, 0, 1);
const MINUTE = 60_000_000n;
const YEAR = 365n * 1440n * MINUTE;
/** Longest time of most rows in µs: some hundred steps. */
const SHORT = 30_000;

/** A time in µs since 2020 as PostgreSQL prints it. */
export function timeText(micros: bigint): string {
  const text = new Date(EPOCH + Number(micros / 1_000_000n) * 1000).toISOString();
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const seconds = `${text.slice(0, 10)} ${text.slice(11, 19)}`;
  return `${fraction === '' ? seconds : `${seconds}.${fraction}`}+00`;
}

/** µs since 2020 of a time in text; undefined of NULL and `infinity`: never. */
export function microsOf(text: Value): bigint | undefined {
  if (text === null || text === 'infinity') return undefined;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const millis = Date.parse(`${text.slice(0, 10)}T${text.slice(11, 19)}Z`) - EPOCH;
  return BigInt(millis) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

/** A number for `drawnTime`, which no service draws, of a time that no step of a scenario reaches. */
export const FAR = 1_999_999;

/** What a service writes by its clock: mostly a moment that comes soon, or one that is past, or far, or never. */
export function drawnTime(clock: bigint, number: number): Value {
  if (number === FAR) return timeText(clock + YEAR);
  const kind = number % 16;
  if (kind === 0) return null;
  if (kind === 1) return 'infinity';
  if (kind < 4) return timeText(clock + BigInt(1 + (number % 15)) * MINUTE);
  const short = BigInt((number >> 4) % SHORT);
  return timeText(kind === 4 ? clock - short : clock + short);
}

/** What a service writes over a time whose group only moves up. */
export function laterTime(current: Value, clock: bigint, number: number): Value {
  const drawn = drawnTime(clock, number);
  if (current === null || drawn === 'infinity') return drawn;
  const [old, next] = [microsOf(current), microsOf(drawn)];
  if (old === undefined || next === undefined || next <= old) return current;
  return drawn;
}

/** The latest of times and `infinity`. */
export function latestTime(times: readonly string[]): string {
  const never = times.find((time) => microsOf(time) === undefined);
  return never ?? times.toSorted((one, other) => Number(microsOf(one)! - microsOf(other)!)).at(-1)!;
}
