import { notNeeded } from '../../src/site/upkeep/retention.ts';
import type { Site } from './site.ts';
import { siteName } from './model.ts';
import { ALL } from './steps.ts';
import type { World } from './world.ts';

/** What is pulled: so many batches of an origin, and so many that were sent before. */
export interface Pull {
  from: number;
  origin: number;
  count: number;
  again: number;
}

/** The link sends batches after the journal's position, and perhaps some that it had sent before. */
export function pull(world: World, site: Site, { from, origin, count, again }: Pull): string {
  const peer = world.reached(from);
  if (peer === undefined || !isMember(site, from) || !isMember(peer, site.number)) return '';
  if (!site.origins().includes(origin)) return '';
  const { journal } = site.agent;
  const before = journal.position(origin);
  const source = peer.agent.journal;
  // What is handed on of others is on disk.
  const until = from === origin ? source.position(origin) : source.durable(origin);
  // JOURNAL_TRIMMED: it has to be asked for elsewhere.
  if (before < source.oldest(origin)) return '';
  const old = again === 0 ? [] : source.after(origin, 0n, ALL).filter(({ last }) => last <= before);
  const repeated = again > 0 ? old.slice(-again) : [];
  const sent = [...repeated, ...source.after(origin, before, count)];
  for (const batch of sent) if (batch.last <= until) journal.append(batch);
  const after = journal.position(origin);
  return after > before ? `position ${after}` : '';
}

/** Whether the one pulls from the other, or is served. */
function isMember(site: Site, number: number): boolean {
  const state = site.members.get(number);
  return state !== undefined && state !== 'left';
}

/** The journal forgets what nobody can ask for (src/site/upkeep/retention.ts). */
export function retain(site: Site): string {
  const { number: self, database, agent } = site;
  const { journal } = agent;
  const member = (number: number): { name: string; number: number } => ({
    ...{ name: siteName(number), number },
  });
  const peers = [...site.heard].map(([number, { knows, durable }]) => ({
    ...{ member: member(number), knows, acknowledged: { durable, applied: 0n } },
  }));
  const appliedOf = (origin: number): bigint => database.durableProgress(origin);
  const options = { journal, self, others: site.holders().map(member), peers, appliedOf };
  let freed = 0;
  for (const origin of journal.origins()) freed += journal.trim(origin, notNeeded(options, origin));
  return freed > 0 ? `${freed} batches` : '';
}
