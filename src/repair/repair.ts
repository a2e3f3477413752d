import { policyOf } from '../merge/policy.ts';
import type { Entity } from '../model/ir/ir.ts';
import { classify } from './classify.ts';
import { MAX_MENDED } from './protocol.ts';
import type { ComparedSite, RowToMend } from './remote.ts';
import { settle } from './settle.ts';
import type { SettledKey, SettleWork } from './settle.ts';
import { stateToken } from './state.ts';
import type { Key } from './state.ts';

/** Rows that are held with their values at once, by the length of their text form at all sites. */
const MEND_BYTES = 8 * 1024 * 1024;
/** Tries of a row that somebody changes meanwhile. */
const MAX_TRIES = 3;

export interface RepairOutcome {
  /** Keys that are the same at all sites now. */
  repaired: Key[];
  /** Keys that are not, each with the reason where a site named one. */
  left: { key: Key; reason?: string }[];
}

/** Makes rows equal at all sites and looks at them again afterwards: only what is seen equal is repaired. */
export async function repair(
  sites: readonly ComparedSite[],
  work: Omit<SettleWork, 'keys'> & { rows: readonly SettledKey[] },
): Promise<RepairOutcome> {
  const { entity, exchanged } = work;
  const reasons = new Map<string, string>();
  let left = work.rows;
  let unsettled: Key[] = [];
  for (let attempt = 0; attempt < MAX_TRIES && left.length > 0; attempt++) {
    for (const part of portions(left)) {
      for (const [key, reason] of await mendPart(sites, entity, part)) reasons.set(key, reason);
    }
    const keys = left.map(({ key }) => key);
    const after = await settle(sites, { entity, keys, exchanged });
    unsettled = [...unsettled, ...after.unsettled];
    left = after.different;
    if (left.every(({ key }) => reasons.has(JSON.stringify(key)))) break;
  }
  const notEqual = [...left.map(({ key }) => key), ...unsettled];
  const names = new Set(notEqual.map((key) => JSON.stringify(key)));
  return {
    repaired: work.rows.map(({ key }) => key).filter((key) => !names.has(JSON.stringify(key))),
    left: notEqual.map((key) => {
      const reason = reasons.get(JSON.stringify(key));
      return { key, ...(reason === undefined ? {} : { reason }) };
    }),
  };
}

/** At least one row each: a row that is larger than the bound is mended alone. */
function portions(rows: readonly SettledKey[]): SettledKey[][] {
  const parts: SettledKey[][] = [];
  let room = 0;
  for (const entry of rows) {
    const bytes = entry.states.reduce((sum, { row }) => sum + (row?.bytes ?? 0), 0);
    if (parts.length === 0 || bytes > room || parts.at(-1)!.length === MAX_MENDED) {
      parts.push([]);
      room = MEND_BYTES;
    }
    parts.at(-1)!.push(entry);
    room -= bytes;
  }
  return parts;
}

/** Mends some rows at every site that has to change. Returns what was refused, by key. */
async function mendPart(
  sites: readonly ComparedSite[],
  entity: Entity,
  part: readonly SettledKey[],
): Promise<[key: string, reason: string][]> {
  const keys = part.map(({ key }) => key);
  const full = await Promise.all(sites.map((site) => site.states(entity, keys, true)));
  const refused: [string, string][] = [];
  for (const [at, site] of sites.entries()) {
    const rows = part.flatMap(({ key, states }, index): RowToMend[] => {
      const now = full.map((all) => all[index]!);
      // Changed since it was compared: it is compared again.
      if (now.some((state, place) => stateToken(state) !== stateToken(states[place]!))) return [];
      const drift = classify(policyOf(entity), now);
      if (drift?.mendings.some((mending) => mending.site === site.number) !== true) return [];
      const others = now.filter((_, place) => place !== at);
      return [{ key, expected: stateToken(now[at]!), others }];
    });
    if (rows.length === 0) continue;
    for (const [index, outcome] of (await site.mend(entity, rows)).entries()) {
      if (outcome.outcome !== 'refused') continue;
      refused.push([
        JSON.stringify(rows[index]!.key),
        `${site.name}: ${outcome.reason ?? 'refused'}`,
      ]);
    }
  }
  return refused;
}
