import { greatest } from '../../src/merge/stamps.ts';
import type { Site } from './site.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';

/**
 * What was made with knowledge of something must not be applied before it.
 *
 * @param before the position up to which the site had applied the origin before the commit
 * @throws Violation when what the commit applied was made with knowledge of something that the site has not
 */
export function checkCausality(
  world: World,
  site: Site,
  { origin, before }: { origin: number; before: bigint },
): void {
  const { progress } = site.database.state;
  const after = progress.get(origin)!;
  for (const one of world.find(origin)!.database.state.ledger) {
    if (one.position <= before || one.position > after) continue;
    for (const [other, position] of one.known) {
      const needed = neededOf(world, other, position);
      if (other === site.number || (progress.get(other) ?? 0n) >= needed) continue;
      throw new Violation(
        `site ${site.number} applied ${one.position} of site ${origin} before ${position} of site ` +
          `${other}, which it was made with`,
      );
    }
  }
}

/** Of a site that was removed what no other has is not waited for. One that is only down may have it. */
function neededOf(world: World, origin: number, position: bigint): bigint {
  if (!world.removed.has(origin)) return position;
  const members = world.sites.filter(
    ({ number }) => !world.removed.has(number) && !world.gone.has(number),
  );
  const there = members.map(({ agent, database }) =>
    greatest([agent.journal.position(origin), database.state.progress.get(origin) ?? 0n]),
  );
  const most = greatest(there);
  return most < position ? most : position;
}
