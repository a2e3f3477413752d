import { isIntegrityViolation } from '../../src/apply/rows/integrity.ts';
import { greatest } from '../../src/merge/stamps.ts';
import type { Entity, Model } from '../../src/model/ir/ir.ts';
import { SHARE_TOO_SMALL } from '../../src/sql/ddl/counter-bodies.ts';
import { STAMP_CLOCK } from '../../src/sql/ddl/stamp-clock.ts';
import { Random } from '../simulation/random.ts';
import { clashModel } from './clash-model.ts';
import { drawnEntities, drawWrite } from './drawn-writes.ts';
import { ephemeralModel, POOLS } from './ephemeral-model.ts';
import { historyModel, PICK } from './history-model.ts';
import { LEASES } from './lease-model.ts';
import { assertRules } from './kept-rules.ts';
import { mailboxModel } from './mailbox-model.ts';
import { methodsModel } from './methods-model.ts';
import { ownedModel } from './owned-model.ts';
import { setsModel } from './sets-model.ts';
import type { TestServer } from './server.ts';
import { SteppedGroup } from './stepped-group.ts';
import type { SteppedSite } from './stepped-site.ts';

/** Few keys an entity, so that the sites' writes meet. */
const KEYS = 12;
/** Transactions of a site in a round. */
const WRITES = 25;

/** A model under another name with the entities that need no operator to settle anything. */
function settled(model: Model, name: string): Model {
  const isSettled = (entity: Entity): boolean => !entity.name.includes('park');
  return { ...model, name, entities: model.entities.filter(isSettled) };
}

/** Models of every method and of the rules of unique values and references, each in a database of its own. */
export function methodModels(prefix = ''): Model[] {
  return [
    settled(LEASES, prefix + 'leases'),
    settled(methodsModel(), prefix + 'methods'),
    settled(setsModel(), prefix + 'sets'),
    settled(mailboxModel(), prefix + 'mailbox'),
    settled(clashModel(), prefix + 'clash'),
    settled(historyModel(), prefix + 'history'),
  ];
}

/** Those, and models of all the other rules. */
export function drawnModels(prefix = ''): Model[] {
  return [
    ...methodModels(prefix),
    settled(ephemeralModel(), prefix + 'ephemeral'),
    settled(ownedModel(), prefix + 'owned'),
  ];
}

/** SQLSTATEs of writes that a rule of the model refuses at their own site; the functions of counters have others. */
const REFUSED = ['42501', '0A000', '22023', 'P0002', SHARE_TOO_SMALL];

/** A service's write that a constraint or a rule forbids at its own site. */
function isRefused(error: unknown): boolean {
  return isIntegrityViolation(error) || REFUSED.includes((error as { code?: string }).code ?? '');
}

/** Whether a site gets nothing from another one. */
export type Cut = (to: SteppedSite, from: SteppedSite) => boolean;

/** What happens at the sites of a group and between them. */
export class Drawn {
  readonly #group: SteppedGroup;
  readonly #random: Random;

  constructor(group: SteppedGroup, seed: number) {
    this.#group = group;
    this.#random = new Random(seed);
  }

  async round(isCut: Cut = () => false): Promise<void> {
    const { sites } = this.#group;
    const random = this.#random;
    for (const site of sites) {
      if (random.chance(50)) await site.removeExpired();
      if (random.chance(20)) await site.raise(await this.#clock(site));
      await this.write(site);
    }
    await this.deliver(8, isCut);
    const lost = this.#group.lost.map(({ number }) => number);
    for (const site of sites) await assertRules(site, lost);
  }

  /** Sites apply some of what others wrote, less than so many times, and settle what waits. */
  async deliver(most: number, isCut: Cut = () => false): Promise<void> {
    const random = this.#random;
    const { sites, members } = this.#group;
    for (let left = random.int(most); left > 0; left--) {
      const [to, from] = [random.pick(sites), random.pick(members)];
      if (to !== from && !isCut(to, from)) await to.apply(from, 1 + random.int(4));
      if (random.chance(20)) await to.settle();
    }
  }

  /** Some transactions of a site's services, captured. */
  async write(site: SteppedSite): Promise<void> {
    for (let left = this.#random.int(WRITES); left > 0; left--) await this.#transaction(site);
    await site.capture();
  }

  async #transaction({ sql, entities }: SteppedSite): Promise<void> {
    const random = this.#random;
    await sql.query('BEGIN');
    // With long values in them some are sent as streams.
    const most = random.chance(5) ? 150 : 3;
    for (let left = 1 + random.int(most); left > 0; left--) {
      await sql.query('SAVEPOINT s');
      try {
        await sql.query(drawWrite(random.pick(drawnEntities(entities)), random, KEYS));
      } catch (error) {
        if (!isRefused(error)) throw error;
        await sql.query('ROLLBACK TO s');
      }
    }
    await sql.query('COMMIT');
  }

  /** Up to half a second ahead of the server's clock. */
  async #clock({ sql }: SteppedSite): Promise<bigint> {
    const { rows } = await sql.query<{ now: string }>(`SELECT (${STAMP_CLOCK})::text AS now`);
    return BigInt(rows[0]!.now) + BigInt(this.#random.int(500_000));
  }

  /** What all have is kept no longer, and may expire; some forget it later than others. */
  async collect(): Promise<void> {
    const { sites } = this.#group;
    const stable = await this.#agree();
    for (const site of sites) if (this.#random.chance(60)) await site.collect(stable);
    for (const site of sites) if (this.#random.chance(60)) await site.findStable(sites);
  }

  /**
   * All rows in the tables whose time is over go everywhere; what waited for their names can come in then.
   *
   * @returns how many
   */
  async expire(): Promise<number> {
    await this.#agree();
    let removed = 0;
    for (const site of this.#group.sites) {
      await site.findStable(this.#group.sites);
      removed += await site.removeExpired();
    }
    return removed;
  }

  /**
   * Has all sites, which have the same, stamp what they write from now on after it.
   *
   * @returns the greatest stamp that any has
   */
  async #agree(): Promise<bigint> {
    const { sites } = this.#group;
    const stable = greatest(await Promise.all(sites.map((site) => site.greatest())));
    for (const site of sites) await site.raise(stable >> 11n);
    return stable;
  }
}

/** Does work with three sites of a model, and with what happens at them as a seed draws it. */
export async function withDrawn(
  servers: TestServer | readonly TestServer[],
  model: Model,
  seed: number,
  work: (group: SteppedGroup, drawn: Drawn) => Promise<void>,
): Promise<void> {
  const group = await SteppedGroup.open(servers, model, PICK);
  try {
    if (model.entities.some(({ claim }) => claim !== undefined)) {
      await group.sites[0]!.sql.query(POOLS);
      await group.exchange();
    }
    await work(group, new Drawn(group, seed));
  } finally {
    await group.close();
  }
}
