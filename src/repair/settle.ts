import type { Entity } from '../model/ir/ir.ts';
import { EXPIRY_MARGIN_SECONDS } from '../sql/checks/verify.ts';
import { MAX_KEYS } from './protocol.ts';
import type { ComparedSite } from './remote.ts';
import { sameRow, stateToken } from './state.ts';
import type { Key, SiteState } from './state.ts';

/** Re-checks of a key that somebody keeps changing. */
const MAX_ROUNDS = 10;

/** A key that differs, although every site has applied what the others did to it. */
export interface SettledKey {
  key: Key;
  /** By site, in the order of the sites. */
  states: SiteState[];
}

export interface Settled {
  different: SettledKey[];
  /** Keys that changed in every round, or whose changes did not arrive in time: nobody can say. */
  unsettled: Key[];
}

export interface SettleWork {
  entity: Entity;
  keys: readonly Key[];
  /** Waits until every site has applied what each of them has; false when one does not. */
  exchanged: () => Promise<boolean>;
}

/**
 * Tells rows that differ from rows that are under way. A key differs when it is the same at each site
 * before and after all sites have applied everything that any of them had at the first look: what was
 * seen first is then behind all of them, and nothing else has happened to the key.
 */
export async function settle(sites: readonly ComparedSite[], work: SettleWork): Promise<Settled> {
  const result: Settled = { different: [], unsettled: [] };
  for (let at = 0; at < work.keys.length; at += MAX_KEYS) {
    const keys = work.keys.slice(at, at + MAX_KEYS);
    await settleSome(sites, { ...work, keys }, result);
  }
  return result;
}

async function settleSome(
  sites: readonly ComparedSite[],
  work: SettleWork,
  result: Settled,
): Promise<void> {
  let before = await different(sites, work.entity, work.keys);
  for (let round = 0; before.length > 0 && round < MAX_ROUNDS; round++) {
    if (!(await work.exchanged())) break;
    const now = await different(
      sites,
      work.entity,
      before.map(({ key }) => key),
    );
    const tokens = new Map(before.map((entry) => [JSON.stringify(entry.key), tokenOf(entry)]));
    const isSame = (entry: SettledKey): boolean =>
      tokens.get(JSON.stringify(entry.key)) === tokenOf(entry);
    result.different.push(...now.filter(isSame));
    before = now.filter((entry) => !isSame(entry));
  }
  result.unsettled.push(...before.map(({ key }) => key));
}

/** The keys whose rows are not the same at all sites, as of now. */
async function different(
  sites: readonly ComparedSite[],
  entity: Entity,
  keys: readonly Key[],
): Promise<SettledKey[]> {
  const all = await Promise.all(sites.map((site) => site.states(entity, keys)));
  return keys
    .map((key, index) => ({ key, states: all.map((states) => states[index]!) }))
    .filter(({ states }) => states.some((state) => !sameRow(state, states[0]!)))
    .filter(({ states }) => !states.every(isOver));
}

/**
 * No row, or one that expires so soon that some sites may have removed it. Asked here and not at the sites, so
 * that one clock decides.
 */
function isOver({ row }: SiteState): boolean {
  if (row === undefined) return true;
  if (row.expires === undefined) return false;
  return BigInt(row.expires) < BigInt(Date.now() + EXPIRY_MARGIN_SECONDS * 1000) * 1000n;
}

function tokenOf({ states }: SettledKey): string {
  return states.map(stateToken).join('|');
}
