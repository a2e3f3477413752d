import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isIntegrityViolation } from '../../../src/apply/integrity.ts';
import type { Entity, Model } from '../../../src/model/ir.ts';
import { digests } from '../../../src/repair/digest.ts';
import { Random } from '../../simulation/random.ts';
import { drawWrite } from '../../support/drawn-writes.ts';
import { historyModel, PICK } from '../../support/history-model.ts';
import { clashModel } from '../../support/clash-model.ts';
import { LEASES } from '../../support/lease-model.ts';
import { mailboxModel } from '../../support/mailbox-model.ts';
import { methodsModel } from '../../support/methods-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { setsModel } from '../../support/sets-model.ts';
import { SteppedSite } from '../../support/stepped-site.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['ROUNDS'] ?? 15);
/** Few keys an entity, so that the sites' writes meet. */
const KEYS = 12;
/** Transactions of a site in a round. */
const WRITES = 25;

let server: TestServer;

before(async () => {
  server = await startServer(18, { max_connections: '200', fsync: 'off' });
});

after(async () => {
  await server?.remove();
});

/** A model under another name with the entities that need no operator to settle anything. */
function only(model: Model, name: string, left: (entity: Entity) => boolean = () => true): Model {
  return { ...model, name, entities: model.entities.filter(left) };
}

const isUnsettled = ({ name }: Entity): boolean => name.includes('park');
const MODELS: readonly Model[] = [
  only(LEASES, 'leases'),
  only(methodsModel(), 'methods'),
  only(setsModel(), 'sets'),
  only(mailboxModel(), 'mailbox', (entity) => !isUnsettled(entity)),
  only(clashModel(), 'clash', (entity) => !isUnsettled(entity)),
  only(historyModel(), 'history', (entity) => !isUnsettled(entity)),
];

/** Three sites of a model, and what happens between them. */
class Group {
  readonly sites: SteppedSite[] = [];
  readonly #model: Model;
  readonly #random: Random;

  constructor(model: Model, seed: number) {
    this.#model = model;
    this.#random = new Random(seed);
  }

  async open(): Promise<void> {
    for (const number of [1, 2, 3]) {
      const made = { model: this.#model, first: PICK };
      this.sites.push(await SteppedSite.create(server, number, made));
    }
  }

  async round(): Promise<void> {
    const random = this.#random;
    for (const site of this.sites) {
      if (random.chance(20)) await site.raise(await this.#clock(site));
      for (let left = random.int(WRITES); left > 0; left--) await this.#transaction(site);
      await site.capture();
    }
    for (let left = random.int(8); left > 0; left--) {
      const [to, from] = [random.pick(this.sites), random.pick(this.sites)];
      if (to !== from) await to.apply(from, 1 + random.int(4));
      if (random.chance(20)) await to.settle();
    }
  }

  async #transaction({ sql }: SteppedSite): Promise<void> {
    const random = this.#random;
    await sql.query('BEGIN');
    for (let left = 1 + random.int(3); left > 0; left--) {
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

  /** Everybody gets everything. */
  async exchange(): Promise<void> {
    for (let moved = true; moved;) {
      moved = false;
      for (const site of this.sites) if ((await site.settle()) > 0) moved = true;
      for (const site of this.sites) await site.capture();
      for (const to of this.sites)
        for (const from of this.sites)
          if (to !== from && (await to.apply(from, 1000)) > 0) moved = true;
    }
  }

  /** What all have is kept no longer; some do it later than others. */
  async collect(): Promise<void> {
    const all = await Promise.all(this.sites.map((site) => site.greatest()));
    const stable = all.reduce((one, other) => (other > one ? other : one));
    for (const site of this.sites) await site.raise(stable >> 11n);
    for (const site of this.sites) if (this.#random.chance(60)) await site.collect(stable);
  }

  async assertEqual(when: string): Promise<void> {
    const [first, ...others] = await Promise.all(
      this.sites.map(({ sql }) => digests(sql, [this.#model])),
    );
    for (const [at, other] of others.entries())
      assert.deepEqual(other, first, `sites 1 and ${at + 2} ${when}`);
    assert.ok(first!.some(({ rows }) => rows > 0));
  }

  async close(): Promise<void> {
    await Promise.all(this.sites.map((site) => site.close()));
  }
}

for (const [at, model] of MODELS.entries()) {
  const seed = SEED + at;
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`three sites write the same rows, in any order and grouping of what they get: equal (${entities}; seed ${SEED})`, async () => {
    const group = new Group(model, seed);
    try {
      await group.open();
      for (let round = 1; round <= ROUNDS; round++) {
        await group.round();
        if (round % 5 !== 0 && round !== ROUNDS) continue;
        await group.exchange();
        await group.assertEqual(`after round ${round}`);
        await group.collect();
      }
    } finally {
      await group.close();
    }
  });
}
