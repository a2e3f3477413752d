import type { Step } from './steps.ts';

/*
 * Steps of scenarios that are written by hand.
 */

type WriteStep = Step & { do: 'write' };

/** A statement of a service. */
export function write(
  site: number,
  op: 'insert' | 'update' | 'delete',
  parts: { key: number; value: number },
): WriteStep {
  const statement = { op, entity: 0, to: 0, groups: 1, ...parts };
  return { do: 'write', site, durably: true, statements: [statement] };
}

/** All of the WAL is captured, and shipped. */
export const capture = (site: number): Step => ({ do: 'capture', site, count: 9, flush: true });
/** A site takes all of an origin. */
export const apply = (site: number, origin: number): Step[] => [
  capture(origin),
  { do: 'pull', site, from: origin, origin, count: 9, again: 0 },
  { do: 'read', site, origin, count: 9 },
  { do: 'announce', site, origin },
  { do: 'commit', site, origin },
];

/** Everybody hears of everybody, on disk. */
export const exchange = (sites: readonly number[]): Step[] => [
  ...sites.flatMap((site): Step[] => [{ do: 'wal', site }, capture(site), { do: 'store', site }]),
  ...sites.flatMap((site) =>
    sites.filter((other) => other !== site).flatMap((origin) => apply(site, origin)),
  ),
  ...sites.map((site): Step => ({ do: 'wal', site })),
];
