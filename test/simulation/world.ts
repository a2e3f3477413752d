import { checkCausality } from './causality.ts';
import { leave, lock, remove, unlock } from './departure.ts';
import { expire } from './expire.ts';
import { stampsOf } from './ledger.ts';
import { pull, retain } from './link.ts';
import { admit, copy, greet, invite, open } from './membership.ts';
import type { BaseCopy } from './membership.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { ServiceTransaction } from './service.ts';
import { Site } from './site.ts';
import { stableStamp, trim } from './stable.ts';
import type { Step } from './steps.ts';
import { describeStep } from './steps.ts';
import { Violation } from './violation.ts';

/** What a scenario is played on. */
export interface Setting {
  /** Numbers of the sites that there are at the beginning. */
  sites: number[];
  model: SimEntity[];
  /** µs by which each site's clock is off at the beginning. */
  offsets: number[];
  planted: Planted | undefined;
  /** A site will be lost, or removed. */
  loses?: boolean;
  /** In the end rows that expire go first, and then a last write of each key comes. */
  lapses?: boolean;
}

/** True time between two steps, and at the first, in µs since 2020. */
const STEP_MICROS = 100n;
const BEGINNING = 200_000_000_000_000n;

/** The sites of a group in one process, driven step by step; the same steps give the same end. */
export class World {
  readonly setting: Setting;
  /** All sites that there ever were. */
  readonly sites: Site[];
  /** Base copies that are loaded, by the new site's number. */
  readonly copies = new Map<number, BaseCopy>();
  /** Sites that have left in order. */
  readonly gone = new Set<number>();
  /** Sites that were declared gone for good. They may be up, but nobody who knows hears them. */
  readonly removed = new Set<number>();
  /** What each step did, when asked for. */
  readonly trace: string[] | undefined;
  readonly #lost = new Set<Site>();
  #now = BEGINNING;
  #transactions = 0;

  constructor(setting: Setting, traced = false) {
    this.setting = setting;
    this.trace = traced ? [] : undefined;
    const { model, planted } = setting;
    const members = new Map(setting.sites.map((number) => [number, 'active' as const]));
    this.sites = setting.sites.map(
      (number, index) =>
        new Site({ number, model, planted, members, offset: setting.offsets[index]! }),
    );
  }

  find(number: number): Site | undefined {
    return this.sites.find((site) => site.number === number);
  }

  /** A site that is up and in the group, as far as it knows. */
  reached(number: number): Site | undefined {
    const site = this.find(number);
    return site === undefined || this.#lost.has(site) || this.gone.has(number) ? undefined : site;
  }

  /** The time that a site's clock shows, in µs since 2020. */
  clock(site: Site): bigint {
    return this.#now + BigInt(site.offset);
  }

  /** Whether a site was lost, or removed: what no other has of it does not count. */
  isLost(site: Site): boolean {
    return this.#lost.has(site) || this.removed.has(site.number);
  }

  /** Sites that are in the group. */
  survivors(): Site[] {
    return this.sites.filter((site) => !this.isLost(site) && !this.gone.has(site.number));
  }

  /** The position up to which any survivor has an origin's changes. */
  shipped(origin: number): bigint {
    const positions = this.survivors().map((site) => site.agent.journal.position(origin));
    return positions.reduce((one, other) => (other > one ? other : one));
  }

  /** @throws Violation when the step breaks a promise */
  run(step: Step): void {
    const effect = this.take(step);
    if (effect !== '') this.trace?.push(`${describeStep(step)} → ${effect}`);
  }

  /** As `run`, without a line in the trace; tells what the step did, or nothing. */
  take(step: Step): string {
    this.#now += STEP_MICROS;
    const site = this.reached(step.site);
    if (site !== undefined) return this.#do(site, step);
    if (step.do === 'open') return open(this, step.site, step.offset);
    // What a site that is not there yet was loading.
    return step.do === 'crash' && this.copies.delete(step.site) ? 'done' : '';
  }

  #do(site: Site, step: Step): string {
    const { agent, database } = site;
    switch (step.do) {
      case 'write':
        return this.#write(site, step);
      case 'wal':
        database.flush();
        return 'done';
      case 'capture': {
        const sent = agent.capture(step.count);
        if (step.flush) agent.flush();
        return sent > 0 || step.flush ? `${sent} entries` : '';
      }
      case 'store':
        agent.journal.store();
        return 'done';
      case 'confirm':
        agent.confirm();
        return 'done';
      case 'pull':
        return pull(this, site, step);
      case 'read': {
        const count = agent.read(step.origin, step.count);
        return count > 0 ? `${count} batches` : '';
      }
      case 'announce':
        return agent.announce(step.origin) ? 'done' : '';
      case 'commit':
        return this.#commit(site, step.origin);
      case 'clock':
        site.offset += step.by;
        return 'done';
      case 'trim':
        return trim(this, site);
      case 'expire':
        return expire(this, site, step.durably);
      case 'crash':
        return this.#crash(site, step.what);
      case 'lose':
        this.#lost.add(site);
        return 'done';
      default:
        return this.#doGroup(site, step);
    }
  }

  /** What changes the group, and what follows from it. */
  #doGroup(site: Site, step: Step): string {
    switch (step.do) {
      case 'retain':
        return retain(site);
      case 'greet': {
        const other = site.peers().includes(step.with) ? this.reached(step.with) : undefined;
        return other !== undefined && greet(site, other) ? 'done' : '';
      }
      case 'invite':
        return invite(site, step.newcomer);
      case 'admit':
        return admit(this, site, step.newcomer);
      case 'copy':
        return copy(this, site, step.newcomer);
      case 'lock':
        return lock(this, site, step.away);
      case 'leave':
        return leave(this, site, step.told);
      case 'unlock':
        return unlock(site);
      case 'remove':
        return remove(this, site, step.gone);
      default:
        return '';
    }
  }

  #write(site: Site, step: Step & { do: 'write' }): string {
    if (site.leaving !== undefined) return '';
    const { database, number } = site;
    const { model, planted } = this.setting;
    const clock = this.clock(site);
    const stable = stableStamp(this);
    const context = { site: number, model, database, clock, stable, planted };
    const transaction = new ServiceTransaction(context);
    for (const statement of step.statements) transaction.run(statement);
    this.#transactions += 1;
    const before = database.state.greatest;
    const acknowledged = transaction.commit(this.#transactions);
    if (acknowledged === undefined) return '';
    for (const write of acknowledged.writes) {
      const stamps = stampsOf(write);
      if (stamps.some((stamp) => stamp >> 11n <= before >> 11n)) {
        throw new Violation(`a stamp of site ${number} is not above one that it had applied`);
      }
    }
    if (step.durably) database.flush();
    return `position ${acknowledged.position}`;
  }

  #commit(site: Site, origin: number): string {
    // Apply waits for the locks too.
    if (site.leaving !== undefined) return '';
    const before = site.database.state.progress.get(origin) ?? 0n;
    const effect = site.agent.commit(origin);
    if (effect === undefined) return '';
    checkCausality(this, site, { origin, before });
    return effect === '' ? 'done' : effect;
  }

  #crash(site: Site, what: 'agent' | 'database' | 'machine'): string {
    // What a crash takes from the journal comes again from its origin, or from another site that has it.
    // Both gone at once is one fault more than replication without waiting can bear.
    if (this.#lost.size > 0 || this.setting.loses) site.agent.journal.store();
    if (what !== 'agent') site.database.crash();
    if (what !== 'agent' && this.setting.planted === 'lost-history-on-crash') {
      site.database.state.history.clear();
    }
    // The session that holds the locks ends with either.
    site.leaving = undefined;
    if (what !== 'database') site.forget();
    if (what === 'database') site.agent.reconnect();
    else site.agent.crash();
    return 'done';
  }
}
