import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { Random } from '../../simulation/random.ts';
import { methodModels, withDrawn } from '../../support/drawn-group.ts';
import type { Drawn } from '../../support/drawn-group.ts';
import { withLess, withMore } from '../../support/revised-model.ts';
import type { Revisions } from '../../support/revised-model.ts';
import { withRules } from '../../support/revised-rules.ts';
import { Greatest } from '../../support/greatest-stamps.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { adopt } from '../../support/stepped-adoption.ts';
import type { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';
import { SEED } from '../../support/seed.ts';

/** Times that a group goes from one revision to the next. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 1);
/** Rounds of writes between two sites' taking the revision. */
const BETWEEN = 3;

let server: TestServer;

before(async () => {
  server = await startServer(18, {
    max_replication_slots: '400',
    max_active_replication_origins: '1000',
  });
});

after(async () => {
  await server?.remove();
});

interface Draw {
  revisions: Revisions;
  random: Random;
}

/** A group whose sites take the next revision one after the other. */
class Rolling {
  readonly #group: SteppedGroup;
  readonly #drawn: Drawn;
  readonly #random: Random;
  readonly #revisions: Revisions;
  readonly #greatest: Greatest;

  constructor(group: SteppedGroup, drawn: Drawn, { revisions, random }: Draw) {
    this.#group = group;
    this.#drawn = drawn;
    this.#random = random;
    this.#revisions = revisions;
    this.#greatest = new Greatest(group.sites);
  }

  async run(): Promise<void> {
    const { sites } = this.#group;
    const order = sites.toSorted(() => this.#random.int(3) - 1);
    const have: SteppedSite[] = [];
    await this.#rounds();
    for (const site of order) {
      if (this.#random.chance(50)) await this.#compare(have.length);
      await this.#take(site, have);
      have.push(site);
      await this.#rounds();
    }
    await this.#group.exchange();
    await this.#group.assertEqual('all have the revision', this.#revisions.after.entities);
    await this.#greatest.check();
  }

  async #rounds(): Promise<void> {
    for (let left = 1 + this.#random.int(BETWEEN); left > 0; left--) {
      await this.#drawn.round();
      await this.#greatest.look();
    }
  }

  async #compare(have: number): Promise<void> {
    await this.#group.exchange();
    // Where only the one revision has a constraint, only its sites keep rows out of their tables.
    if (this.#revisions.sameRules || have === 0)
      await this.#group.assertEqual(`${have} have the revision`, this.#revisions.before.entities);
    await this.#drawn.collect();
  }

  async #take(site: SteppedSite, have: readonly SteppedSite[]): Promise<void> {
    const { sites } = this.#group;
    const model = this.#revisions.after;
    if (have.length === 0) return adopt(site, { model, others: sites });
    const taking = { from: this.#random.pick(have), meanwhile: () => this.#meanwhile(site) };
    await adopt(site, { model, others: sites, taking });
  }

  /** All write on; the site applies nothing that the copy has not. */
  async #meanwhile(taker: SteppedSite): Promise<void> {
    const { sites } = this.#group;
    for (const site of sites) await this.#drawn.write(site);
    const others = sites.filter((site) => site !== taker);
    for (let left = this.#random.int(4); left > 0; left--) {
      const [to, from] = [this.#random.pick(others), this.#random.pick(sites)];
      if (to !== from) await to.apply(from, 1 + this.#random.int(4));
    }
  }
}

/** What a later revision has. */
const KINDS = ['more', 'less', 'other rules'] as const;
type Kind = (typeof KINDS)[number];

function revised(kind: Kind, model: Model, random: Random): Revisions {
  if (kind === 'more') return withMore(model);
  return kind === 'less' ? withLess(model, random) : withRules(model, random);
}

/** Of every kind and model; without ROUNDS one of those with the same rules, as the seed draws. */
function played(): { kind: Kind; model: Model; seed: number }[] {
  const all = KINDS.flatMap((kind) =>
    methodModels(`revision-${kind.replace(' ', '-')}-`).map((model, at) => ({
      kind,
      model,
      seed: SEED + at,
    })),
  );
  if (process.env['ROUNDS'] !== undefined) return all;
  return [new Random(SEED).pick(all.filter(({ kind }) => kind !== 'other rules'))];
}

for (const { kind, model, seed: first } of played()) {
  const entities = model.entities.map(({ name }) => name).join(', ');
  test(`sites take a revision that has ${kind} one after the other while all write: equal (${entities}; seed ${SEED})`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const seed = first + 1000 * round;
      const random = new Random(seed);
      const named = { ...model, name: `${model.name}-${round}` };
      const revisions = revised(kind, named, random);
      await withDrawn(server, revisions.before, seed, (group, drawn) =>
        new Rolling(group, drawn, { revisions, random }).run(),
      );
    }
  });
}
