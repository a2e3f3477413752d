import { isIntegrityViolation } from '../../src/apply/integrity.ts';
import type { Entity, Model } from '../../src/model/ir.ts';
import { STAMP_CLOCK } from '../../src/sql/stamp-clock.ts';
import { Random } from '../simulation/random.ts';
import { clashModel } from './clash-model.ts';
import { drawWrite } from './drawn-writes.ts';
import { historyModel, PICK } from './history-model.ts';
import { LEASES } from './lease-model.ts';
import { mailboxModel } from './mailbox-model.ts';
import { methodsModel } from './methods-model.ts';
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

/** Models of every method and rule, each in a database of its own. */
export function drawnModels(prefix = ''): Model[] {
  return [
    settled(LEASES, prefix + 'leases'),
    settled(methodsModel(), prefix + 'methods'),
    settled(setsModel(), prefix + 'sets'),
    settled(mailboxModel(), prefix + 'mailbox'),
    settled(clashModel(), prefix + 'clash'),
    settled(historyModel(), prefix + 'history'),
  ];
}

/** What happens at the sites of a group and between them. */
export class Drawn {
  readonly #group: SteppedGroup;
  readonly #random: Random;

  constructor(group: SteppedGroup, seed: number) {
    this.#group = group;
    this.#random = new Random(seed);
  }

  async round(): Promise<void> {
    const random = this.#random;
    const { sites } = this.#group;
    for (const site of sites) {
      if (random.chance(20)) await site.raise(await this.#clock(site));
      await this.write(site);
    }
    for (let left = random.int(8); left > 0; left--) {
      const [to, from] = [random.pick(sites), random.pick(sites)];
      if (to !== from) await to.apply(from, 1 + random.int(4));
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
        await sql.query(drawWrite(random.pick(entities), random, KEYS));
      } catch (error) {
        // A service's write that a constraint forbids at its own site.
        if (!isIntegrityViolation(error)) throw error;
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

  /** What all have is kept no longer; some forget it later than others. */
  async collect(): Promise<void> {
    const { sites } = this.#group;
    const all = await Promise.all(sites.map((site) => site.greatest()));
    const stable = all.reduce((one, other) => (other > one ? other : one));
    for (const site of sites) await site.raise(stable >> 11n);
    for (const site of sites) if (this.#random.chance(60)) await site.collect(stable);
  }
}

/** Does work with three sites of a model, and with what happens at them as a seed draws it. */
export async function withDrawn(
  server: TestServer,
  model: Model,
  seed: number,
  work: (group: SteppedGroup, drawn: Drawn) => Promise<void>,
): Promise<void> {
  const group = await SteppedGroup.open(server, model, PICK);
  try {
    await work(group, new Drawn(group, seed));
  } finally {
    await group.close();
  }
}
