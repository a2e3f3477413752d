import assert from 'node:assert/strict';
import fc from 'fast-check';
import { connect } from '../../src/postgres/connect.ts';
import { digests } from '../../src/repair/digest.ts';
import { AgentSite } from './agents.ts';
import { shiftStamps } from './clock.ts';
import { LEASES } from './lease-model.ts';
import { Ledger } from './ledger.ts';
import { eventually } from './pair.ts';
import { startServer } from './server.ts';
import type { TestServer } from './server.ts';

const EVENTS = [
  'kill agent',
  'crash database',
  'cut link',
  'stall link',
  'cut in mid-batch',
  'clock jumps',
] as const;
/** How far the clock of a site may jump, to either side. */
const MAX_JUMP_MS = 600_000;

export interface ChaosOptions {
  /** PostgreSQL of each site. */
  versions: readonly (15 | 18)[];
  seed: number;
  /** How many events happen; or for how long they happen. */
  events?: number;
  milliseconds?: number;
  say?: (text: string) => void;
}

export interface ChaosResult {
  events: number;
  acknowledged: number;
  rows: number;
  /** Time from the last write until all sites were equal. */
  convergedAfterMs: number;
}

interface Site {
  server: TestServer;
  site: AgentSite;
  ledger: Ledger;
}

interface Event {
  what: (typeof EVENTS)[number];
  where: number;
  /** Rows that are written before it happens. */
  after: number;
  /** Where a clock jumps to, ms ahead of the machine's. */
  jump: number;
}

/**
 * Real sites under write load while agents and databases crash and links break; ends with equality of
 * all sites and every acknowledged write at each of them.
 *
 * @throws AssertionError when a write is lost; Error when the sites do not become equal
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const say = options.say ?? (() => undefined);
  const sites = await makeSites(options.versions);
  try {
    const writing = sites.map(({ site, ledger }) => ledger.write(site.config.database.serviceUrl));
    let count = 0;
    for (const event of drawEvents(options)) {
      const hit = sites[event.where]!;
      await hit.ledger.more(event.after);
      say(`${event.what} at ${hit.site.config.site}`);
      await strike(hit, event);
      count += 1;
    }
    for (const { ledger } of sites) ledger.stop();
    await Promise.all(writing);
    return { events: count, ...(await converged(sites)) };
  } finally {
    for (const { ledger } of sites) ledger.stop();
    for (const { site } of sites) await site.remove();
    for (const { server } of sites) await server.remove();
  }
}

/** The same events for the same seed; how many of them, if time is the limit, depends on the machine. */
function* drawEvents(options: ChaosOptions): Generator<Event> {
  const { versions, seed, events = Infinity, milliseconds = Infinity } = options;
  const event = fc.record({
    what: fc.constantFrom(...EVENTS),
    where: fc.integer({ min: 0, max: versions.length - 1 }),
    after: fc.integer({ min: 20, max: 250 }),
    jump: fc.integer({ min: -MAX_JUMP_MS, max: MAX_JUMP_MS }),
  });
  const end = Date.now() + milliseconds;
  for (let block = 0, count = 0; ; block++) {
    for (const one of fc.sample(event, { seed: seed + block, numRuns: 100 })) {
      if (count++ >= events || Date.now() > end) return;
      yield one;
    }
  }
}

async function makeSites(versions: readonly (15 | 18)[]): Promise<Site[]> {
  const sites: Site[] = [];
  for (const [index, version] of versions.entries()) {
    const server = await startServer(version);
    const adminUrl = await server.createDatabase('site');
    const name = `site${index + 1}`;
    const site =
      index === 0
        ? await AgentSite.init(name, { adminUrl, model: LEASES })
        : await AgentSite.join(await sites[0]!.site.invite(name, index + 1), { adminUrl });
    await site.up();
    sites.push({ server, site, ledger: new Ledger(1 + index * 10_000_000) });
  }
  return sites;
}

async function strike({ server, site, ledger }: Site, { what, jump }: Event): Promise<void> {
  switch (what) {
    case 'kill agent':
      await site.end('SIGKILL');
      await ledger.more(30);
      return site.up();
    case 'crash database':
      await server.cluster.stop('immediate');
      return server.cluster.start();
    case 'cut link':
    case 'stall link':
      site.proxy.set(what === 'cut link' ? 'cut' : 'stalled');
      await ledger.more(100);
      return site.proxy.set('open');
    case 'cut in mid-batch':
      return site.proxy.cutAfter(700);
    case 'clock jumps':
      return shiftStamps(site.adminUrl, jump);
  }
}

async function converged(sites: readonly Site[]): Promise<Omit<ChaosResult, 'events'>> {
  const began = Date.now();
  const clients = await Promise.all(
    sites.map(({ site }) => connect(site.config.database.url, 'test')),
  );
  try {
    let rows = 0;
    await eventually('all sites are equal', async () => {
      const all = await Promise.all(clients.map((client) => digests(client, [LEASES])));
      rows = all[0]![0]!.rows;
      return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]));
    });
    const convergedAfterMs = Date.now() - began;
    for (const { ledger } of sites) {
      assert.ok(ledger.acknowledged.size > 50);
      for (const client of clients) assert.deepEqual(await ledger.missing(client), []);
    }
    const acknowledged = sites.reduce((sum, { ledger }) => sum + ledger.acknowledged.size, 0);
    return { acknowledged, rows, convergedAfterMs };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
