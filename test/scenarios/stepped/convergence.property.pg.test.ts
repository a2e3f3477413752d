import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isIntegrityViolation } from '../../../src/apply/integrity.ts';
import type { Entity, Model } from '../../../src/model/ir.ts';
import { Random } from '../../simulation/random.ts';
import { clashModel } from '../../support/clash-model.ts';
import { drawWrite } from '../../support/drawn-writes.ts';
import { historyModel, PICK } from '../../support/history-model.ts';
import { LEASES } from '../../support/lease-model.ts';
import { mailboxModel } from '../../support/mailbox-model.ts';
import { methodsModel } from '../../support/methods-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { setsModel } from '../../support/sets-model.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['ROUNDS'] ?? 10);
/** Few keys an entity, so that the sites' writes meet. */
const KEYS = 12;
/** Transactions of a site in a round. */
const WRITES = 25;
/** Rounds after which everybody gets everything. */
const EXCHANGE = 5;

let server: TestServer;
let streams = 0;

before(async () => {
  server = await startServer(18, { max_connections: '200', fsync: 'off' });
});

after(async () => {
  assert.ok(streams > 0, 'some transactions came as streams');
  await server?.remove();
});

/** A model under another name with the entities that need no operator to settle anything. */
function settled(model: Model, name: string): Model {
  const isSettled = (entity: Entity): boolean => !entity.name.includes('park');
  return { ...model, name, entities: model.entities.filter(isSettled) };
}

const MODELS: readonly Model[] = [
  settled(LEASES, 'leases'),
  settled(methodsModel(), 'methods'),
  settled(setsModel(), 'sets'),
  settled(mailboxModel(), 'mailbox'),
  settled(clashModel(), 'clash'),
  settled(historyModel(), 'history'),
];

/** What happens at the sites of a group and between them. */
class Drawn {
  readonly #group: SteppedGroup;
  readonly #model: Model;
  readonly #random: Random;

  constructor(group: SteppedGroup, model: Model, seed: number) {
    this.#group = group;
    this.#model = model;
    this.#random = new Random(seed);
  }

  async round(): Promise<void> {
    const random = this.#random;
    const { sites } = this.#group;
    for (const site of sites) {
      if (random.chance(20)) await site.raise(await this.#clock(site));
      for (let left = random.int(WRITES); left > 0; left--) await this.#transaction(site);
      await site.capture();
    }
    for (let left = random.int(8); left > 0; left--) {
      const [to, from] = [random.pick(sites), random.pick(sites)];
      if (to !== from) await to.apply(from, 1 + random.int(4));
      if (random.chance(20)) await to.settle();
    }
  }

  async #transaction({ sql }: SteppedSite): Promise<void> {
    const random = this.#random;
    await sql.query('BEGIN');
    // With long values in them some are sent as streams.
    const most = random.chance(5) ? 150 : 3;
    for (let left = 1 + random.int(most); left > 0; left--) {
      await sql.query('SAVEPOINT s');
      try {
        await sql.query(drawWrite(random.pick(this.#model.entities), random, KEYS));
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
    const { rows } = await sql.query<{ now: string }>(
      `SELECT ((date_part('epoch', clock_timestamp()) * 1000000)::bigint - 1577836800000000)::text AS now`,
    );
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

for (const [at, model] of MODELS.entries()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`three sites write the same rows, in any order and grouping of what they get: equal (${entities}; seed ${SEED})`, async () => {
    const group = await SteppedGroup.open(server, model, PICK);
    const drawn = new Drawn(group, model, SEED + at);
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        await drawn.round();
        if (round % EXCHANGE !== 0 && round !== ROUNDS) continue;
        await group.exchange();
        await group.assertEqual(`after round ${round}`);
        await drawn.collect();
      }
    } finally {
      streams += group.sites.reduce((sum, site) => sum + site.streams, 0);
      await group.close();
    }
  });
}
