import type { Method } from '../../src/model/ir/ir-resolution.ts';
import { simEntity, simGroup } from './model.ts';
import type { SimRules } from './model.ts';
import type { Planted } from './planted.ts';
import { play } from './simulate.ts';
import { applying } from './steps.ts';
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
  ...applying(site, origin, 9),
];

/** Everybody hears of everybody, on disk. */
export const exchange = (sites: readonly number[]): Step[] => [
  ...sites.flatMap((site): Step[] => [{ do: 'wal', site }, capture(site), { do: 'store', site }]),
  ...sites.flatMap((site) =>
    sites.filter((other) => other !== site).flatMap((origin) => apply(site, origin)),
  ),
  ...sites.map((site): Step => ({ do: 'wal', site })),
];

interface HandSetting {
  method: Method;
  offsets?: number[];
  /** With any, the entity keeps history. */
  rules?: SimRules;
}

/** Plays steps of three sites on one entity with one group. @returns the promise that was not kept, if one was not */
export function playByHand(
  steps: Step[],
  planted: Planted | undefined,
  { method, offsets = [0, 0, 0], rules = {} }: HandSetting,
): string | undefined {
  const groups = [simGroup('g', ['a'], method)];
  const model = [simEntity(0, groups, { toasted: new Set(), texts: new Set(), rules })];
  return play({ setting: { sites: [5, 1, 2047], model, offsets, planted }, steps });
}
