import { heal } from './heal.ts';
import { simOf } from './model.ts';
import { FAR } from './times.ts';
import type { World } from './world.ts';

/**
 * A last write of each key whose rows expire: a site that has the row renews it; where nobody has it, one inserts it.
 * Then all sites have it, and the same: what was forgotten anywhere would show.
 */
export function renew(world: World): void {
  const keys = expiringKeys(world);
  if (keys.size === 0) return;
  const sites = world.survivors();
  for (const id of keys) {
    const [entity, key] = id.split('/').map(Number);
    const sim = simOf(world.setting.model, id);
    const { value } = sim.policy.expires!;
    const group = sim.policy.groups.findIndex(({ columns }) => columns.includes(value));
    const holder = sites.find(({ database }) => database.state.rows.has(id));
    const statement = { entity: entity!, key: key!, to: key!, groups: 1 << group, value: FAR };
    const op = holder === undefined ? ('insert' as const) : ('update' as const);
    const site = (holder ?? sites[0]!).number;
    world.run({ do: 'write', site, durably: true, statements: [{ op, ...statement }] });
  }
  for (const { database } of world.sites) database.state.removed.clear();
  heal(world);
}

/** Keys of which there was a row anywhere. */
function expiringKeys(world: World): Set<string> {
  const writes = world.sites.flatMap(({ database }) => database.state.ledger);
  const ids = writes.flatMap((one) => one.writes.map(({ row }) => row));
  const isExpiring = (id: string): boolean =>
    simOf(world.setting.model, id).policy.expires !== undefined;
  return new Set(ids.filter(isExpiring));
}
