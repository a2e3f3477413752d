import { Stability } from '../../src/site/stability.ts';
import type { SiteView } from '../../src/site/stability.ts';
import { SimAgent } from './agent.ts';
import { trimHistories } from './apply-history.ts';
import { SimDatabase } from './database.ts';
import { happenedBefore } from './ledger.ts';
import type { Acknowledged, Write } from './ledger.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { ServiceTransaction } from './service.ts';
import type { Step } from './steps.ts';
import { describeStep } from './steps.ts';

/** What a scenario is played on. */
export interface Setting {
  /** Site numbers. */
  sites: number[];
  model: SimEntity[];
  /** µs by which each site's clock is off at the beginning. */
  offsets: number[];
  planted: Planted | undefined;
  /** A site will be lost. */
  loses?: boolean;
}

export interface Site {
  number: number;
  database: SimDatabase;
  agent: SimAgent;
  /** µs by which its clock is off. */
  offset: number;
  /** Number of marks that it has set, see src/site/marks.ts. */
  marks: number;
  /** What it wants to trim, while that is not known to be stable. */
  run?: { upTo: bigint; stability: Stability } | undefined;
}

/** True time between two steps, and at the first, in µs since 2020. */
const STEP_MICROS = 100n;
const BEGINNING = 200_000_000_000_000n;
/** Rounds in which everything must arrive when nothing fails any more. */
const MAX_ROUNDS = 200;
const ALL = 1_000_000;

/** A promise of the engine that was not kept. */
export class Violation extends Error {}

/** The sites of a group in one process, driven step by step; the same steps give the same end. */
export class World {
  readonly setting: Setting;
  readonly sites: Site[];
  /** What each step did, when asked for. */
  readonly trace: string[] | undefined;
  readonly #lost = new Set<Site>();
  #now = BEGINNING;
  #transactions = 0;

  constructor(setting: Setting, traced = false) {
    this.setting = setting;
    this.trace = traced ? [] : undefined;
    this.sites = setting.sites.map((number, index) => {
      const database = new SimDatabase();
      const { model, planted, sites } = setting;
      const agent = new SimAgent({ site: number, sites, model, database, planted });
      return { number, database, agent, offset: setting.offsets[index]!, marks: 0 };
    });
  }

  site(number: number): Site {
    return this.sites.find((site) => site.number === number)!;
  }

  /** Sites that were not lost. */
  survivors(): Site[] {
    return this.sites.filter((site) => !this.#lost.has(site));
  }

  /** The position up to which any survivor has an origin's changes. */
  shipped(origin: number): bigint {
    const positions = this.survivors().map((site) => site.agent.journal.position(origin));
    return positions.reduce((one, other) => (other > one ? other : one));
  }

  /** @throws Violation when the step breaks a promise */
  run(step: Step): void {
    this.#now += STEP_MICROS;
    const effect = this.#do(this.site(step.site), step);
    if (effect !== '') this.trace?.push(`${describeStep(step)} → ${effect}`);
  }

  #do(site: Site, step: Step): string {
    const { agent, database } = site;
    if (this.#lost.has(site)) return '';
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
        return this.#pull(site, step);
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
        return this.#trim(site);
      case 'crash':
        return this.#crash(site, step.what);
      case 'lose':
        this.#lost.add(site);
        return 'done';
    }
  }

  #write(site: Site, step: Step & { do: 'write' }): string {
    const { database, number } = site;
    const { model, planted } = this.setting;
    const clock = this.#now + BigInt(site.offset);
    const stable = this.#stable();
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

  /**
   * The greatest stamp up to which everything is stable (src/site/stability.ts), by what is really on disk
   * everywhere: known at every site, with nothing on its way that was made without knowing it.
   */
  #stable(): bigint {
    const all = this.sites.flatMap((site) => site.database.state.ledger);
    const isEverywhere = (one: Acknowledged): boolean =>
      this.survivors().every(
        ({ number, database }) =>
          number === one.site || database.durableProgress(one.site) >= one.position,
      );
    const underWay = all.filter((one) => !isEverywhere(one));
    let stable = 0n;
    let first: bigint | undefined;
    for (const one of all) {
      const isKnown = underWay.every((other) => other !== one && happenedBefore(one, other));
      for (const stamp of one.writes.flatMap(stampsOf)) {
        if (stamp > stable) stable = stamp;
        if (!isKnown && (first === undefined || stamp < first)) first = stamp;
      }
    }
    return first === undefined || first > stable ? stable : first - 1n;
  }

  /** The link sends batches after the journal's position, and perhaps some that it had sent before. */
  #pull(site: Site, step: Step & { do: 'pull' }): string {
    const { journal } = site.agent;
    const before = journal.position(step.origin);
    const peer = this.site(step.from);
    if (this.#lost.has(peer)) return '';
    const source = peer.agent.journal;
    const old = source.after(step.origin, 0n, ALL).filter((batch) => batch.last <= before);
    const again = step.again > 0 ? old.slice(-step.again) : [];
    for (const batch of [...again, ...source.after(step.origin, before, step.count)]) {
      journal.append(batch);
    }
    const after = journal.position(step.origin);
    return after > before ? `position ${after}` : '';
  }

  /** What was made with knowledge of something must not be applied before it. */
  #commit(site: Site, origin: number): string {
    const { progress } = site.database.state;
    const before = progress.get(origin) ?? 0n;
    const effect = site.agent.commit(origin);
    if (effect === undefined) return '';
    const after = progress.get(origin)!;
    for (const one of this.site(origin).database.state.ledger) {
      if (one.position <= before || one.position > after) continue;
      for (const [other, position] of one.known) {
        if (other === site.number || (progress.get(other) ?? 0n) >= position) continue;
        throw new Violation(
          `site ${site.number} applied ${one.position} of site ${origin} before ${position} of site ` +
            `${other}, which it was made with`,
        );
      }
    }
    return effect === '' ? 'done' : effect;
  }

  /**
   * A round of greetings with all sites, as src/site/peer.ts has them, and what follows from it. Every site
   * sets a mark in it whose journal has all of its transactions on disk.
   */
  #trim(site: Site): string {
    if (this.#lost.size > 0) return '';
    const views = this.sites.map((one) => viewOf(one));
    const { state } = site.database;
    if (site.run === undefined) {
      const stamps = [...state.history.values()].flatMap(({ base, changes }) => [
        ...(base?.row?.stamps ?? []),
        ...changes.map(({ stamp }) => stamp),
      ]);
      if (stamps.length === 0) return '';
      const upTo = stamps.reduce((one, other) => (other > one ? other : one));
      site.run = { upTo, stability: new Stability(views) };
    }
    const { upTo, stability } = site.run;
    const round = stability.advance(views);
    const early = this.setting.planted === 'trim-too-early' && this.#isEverywhere(site);
    if (round === 'waiting' && !early) return '';
    site.run = undefined;
    if (round === 'lost') return '';
    const trimmed = trimHistories({ ...this.setting, state }, upTo);
    return trimmed > 0 ? `${trimmed} histories up to ${upTo}` : '';
  }

  /** As a planted bug: every site has what this site made, which is taken for stable. */
  #isEverywhere(site: Site): boolean {
    const last = site.database.state.ledger.at(-1)?.position ?? 0n;
    return this.sites.every(
      (one) => one === site || (one.database.state.progress.get(site.number) ?? 0n) >= last,
    );
  }

  #crash(site: Site, what: 'agent' | 'database' | 'machine'): string {
    // What a crash takes from the journal comes again from its origin, or from another site that has it.
    // Both gone at once is one fault more than replication without waiting can bear.
    if (this.#lost.size > 0 || this.setting.loses) site.agent.journal.store();
    if (what !== 'agent') site.database.crash();
    if (what !== 'agent' && this.setting.planted === 'lost-history-on-crash') {
      site.database.state.history.clear();
    }
    if (what !== 'database') site.run = undefined;
    if (what === 'database') site.agent.reconnect();
    else site.agent.crash();
    return 'done';
  }

  /**
   * Faults are over: everything is captured, shipped and applied.
   *
   * @throws Violation when something does not arrive
   */
  heal(): void {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (!this.#round(round)) break;
    }
    for (const site of this.survivors()) {
      for (const origin of this.sites) this.#checkArrived(site, origin);
    }
  }

  /** Origins in an order that changes from round to round, so that none is always first. */
  #round(round: number): boolean {
    let moved = false;
    const run = (step: Step): void => {
      this.#now += STEP_MICROS;
      const effect = this.#do(this.site(step.site), step);
      if (effect === '' || effect === 'done') return;
      this.trace?.push(`${describeStep(step)} → ${effect}`);
      moved = moved || !effect.startsWith('0 entries');
    };
    for (const { number: site } of this.sites) {
      run({ do: 'wal', site });
      run({ do: 'capture', site, count: ALL, flush: true });
    }
    for (const { number: site } of this.sites) {
      for (const index of this.sites.keys()) {
        const turn = (index + round + this.setting.model.length) % this.sites.length;
        const origin = this.sites[turn]!.number;
        if (origin === site) continue;
        const sources = this.#lost.has(this.site(origin)) ? this.setting.sites : [origin];
        for (const from of sources) {
          if (from !== site) run({ do: 'pull', site, origin, from, count: ALL, again: 0 });
        }
        run({ do: 'read', site, origin, count: ALL });
        run({ do: 'announce', site, origin });
        run({ do: 'commit', site, origin });
      }
    }
    return moved;
  }

  #checkArrived(site: Site, origin: Site): void {
    if (site === origin) return;
    const sent = origin.database.state.ledger.filter((one) => one.site === origin.number);
    const isLost = this.#lost.has(origin);
    const last = isLost ? this.shipped(origin.number) : (sent.at(-1)?.position ?? 0n);
    const applied = site.database.state.progress.get(origin.number) ?? 0n;
    if (applied < last) {
      throw new Violation(
        `site ${site.number} has applied site ${origin.number} up to ${applied}, not ${last}`,
      );
    }
  }
}

function viewOf(site: Site): SiteView {
  const { number, database, agent } = site;
  const { ledger } = database.state;
  const position = agent.journal.durable(number);
  if (position >= (ledger.at(-1)?.position ?? 0n)) site.marks += 2;
  const mark = { sequence: site.marks, position };
  return { number, mark, applied: database.progressOnDisk() };
}

/** The stamps that a write made. */
function stampsOf(write: Write): bigint[] {
  return write.kind === 'delete' ? [write.stamp] : newStamps(write);
}

function newStamps(write: {
  kind: string;
  before?: { stamps: readonly bigint[] };
  after: { stamps: readonly bigint[] };
}): bigint[] {
  return write.after.stamps.filter((stamp, group) => stamp !== write.before?.stamps[group]);
}
