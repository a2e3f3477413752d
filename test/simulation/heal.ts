import type { Site } from './site.ts';
import { ALL, applying, describeStep } from './steps.ts';
import type { Step } from './steps.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/** Rounds in which everything must arrive when nothing fails any more. */
const MAX_ROUNDS = 200;

/**
 * Faults are over: everything is captured, shipped and applied.
 *
 * @throws Violation when something does not arrive
 */
export function heal(world: World): void {
  removeLost(world);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!takeRound(world, round)) break;
  }
  for (const site of world.survivors()) {
    for (const origin of world.sites) checkArrived(world, site, origin);
  }
}

/**
 * Of several lost sites one may have shipped what waits for changes of another one, until both are removed, and a new
 * site that does not come: the operator does it.
 */
function removeLost(world: World): void {
  const lost = world.sites.filter((site) => world.isLost(site)).map(({ number }) => number);
  if (lost.length < 2) return;
  for (const { number: site, members } of world.survivors()) {
    const joining = [...members.keys()].filter((number) => world.find(number) === undefined);
    for (const gone of [...lost, ...joining]) world.run({ do: 'remove', site, gone });
  }
}

/** Origins in an order that changes from round to round, so that none is always first. */
function takeRound(world: World, round: number): boolean {
  let moved = false;
  const run = (step: Step): void => {
    const effect = world.take(step);
    if (effect === '' || effect === 'done') return;
    world.trace?.push(`${describeStep(step)} → ${effect}`);
    moved = moved || !effect.startsWith('0 entries');
  };
  const numbers = world.sites.map(({ number }) => number);
  for (const site of numbers) {
    run({ do: 'unlock', site });
    run({ do: 'wal', site });
    run({ do: 'capture', site, count: ALL, flush: true });
    run({ do: 'store', site });
    for (const other of numbers) if (other !== site) run({ do: 'greet', site, with: other });
  }
  for (const site of numbers) {
    for (const index of numbers.keys()) {
      const origin = numbers[(index + round + world.setting.model.length) % numbers.length]!;
      if (origin === site) continue;
      // From itself, or relayed where it is gone, or has forgotten what a new site needs.
      for (const from of [origin, ...numbers.filter((one) => one !== origin)]) {
        if (from !== site) run({ do: 'pull', site, origin, from, count: ALL, again: 0 });
      }
      for (const step of applying(site, origin, ALL)) run(step);
    }
  }
  return moved;
}

function checkArrived(world: World, site: Site, origin: Site): void {
  if (site === origin) return;
  const sent = origin.database.state.ledger.at(-1)?.position ?? 0n;
  const last = world.isLost(origin) ? world.shipped(origin.number) : sent;
  const applied = site.database.state.progress.get(origin.number) ?? 0n;
  if (applied < last) {
    throw new Violation(
      `site ${site.number} has applied site ${origin.number} up to ${applied}, not ${last}`,
    );
  }
}
