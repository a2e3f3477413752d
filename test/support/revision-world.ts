import type { Model } from '../../src/model/ir/ir.ts';
import type { TestServer } from './server.ts';
import { adopt } from './stepped-adoption.ts';
import { SteppedGroup } from './stepped-group.ts';
import type { SteppedSite } from './stepped-site.ts';

/** Three sites between two revisions of a model. */
export interface World {
  sites: [SteppedSite, SteppedSite, SteppedSite];
  group: SteppedGroup;
  after: Model;
}

/** Three sites, of which the first ones (two, if nothing is said) have the later one of two revisions. */
export async function openWorld(
  server: TestServer,
  revisions: { before: Model; after: Model },
  have = 2,
): Promise<World> {
  const group = await SteppedGroup.open(server, revisions.before);
  const world = { group, sites: group.sites as World['sites'], after: revisions.after };
  try {
    for (const [at, site] of world.sites.slice(0, have).entries()) {
      await take(world, site, at === 0 ? undefined : world.sites[0]);
    }
    return world;
  } catch (error) {
    await group.close();
    throw error;
  }
}

/** A site takes the later revision, from another one or as the first. */
export function take(
  { after: model, sites }: World,
  site: SteppedSite,
  from?: SteppedSite,
): Promise<void> {
  return adopt(site, { model, others: sites, ...(from && { taking: { from } }) });
}
