import assert from 'node:assert/strict';
import type { Statement } from '../../src/site/members/extent.ts';
import type { Random } from '../simulation/random.ts';
import type { Cut, Drawn } from './drawn-group.ts';
import { Greatest } from './greatest-stamps.ts';
import type { SteppedGroup } from './stepped-group.ts';
import { join } from './stepped-join.ts';
import { memberOf } from './stepped-members.ts';
import type { SteppedSite } from './stepped-site.ts';

/** Rounds of writes between two events. */
const BETWEEN = 3;

/** A group that sites join and lose while all write, as a seed draws it. */
export class Membership {
  readonly #group: SteppedGroup;
  readonly #drawn: Drawn;
  readonly #random: Random;
  readonly #greatest: Greatest;
  /** What each site said last, by number. */
  readonly #said = new Map<number, Statement>();

  constructor(group: SteppedGroup, drawn: Drawn, random: Random) {
    this.#group = group;
    this.#drawn = drawn;
    this.#random = random;
    this.#greatest = new Greatest(group.sites);
  }

  /** Plays all of it; in the end the sites that are left are equal. */
  async run(): Promise<void> {
    const random = this.#random;
    await this.#rounds();
    if (random.chance(80)) await this.#join();
    if (random.chance(50)) await this.#compare('before any loss');
    if (random.chance(30)) await this.#join();
    await this.#lose();
    await this.#remove();
    if (this.#group.members.length < 5 && random.chance(40)) await this.#join();
    await this.#gossip();
    await this.#compare('after the losses');
    await this.#rounds();
    if (this.#group.members.length < 5 && random.chance(30)) await this.#join();
    await this.#compare('in the end');
    while ((await this.#drawn.expire()) > 0) await this.#group.exchange();
    await this.#group.assertEqual('after all that was over is gone');
    await this.#group.assertNoneOver();
  }

  async #rounds(isCut?: Cut): Promise<void> {
    for (let left = 1 + this.#random.int(BETWEEN); left > 0; left--) {
      await this.#drawn.round(isCut);
      await this.#greatest.look();
    }
  }

  /** All get everything, and are equal; what is stable may be forgotten. */
  async #compare(when: string): Promise<void> {
    const { sites, lost } = this.#group;
    await this.#group.exchange();
    for (const from of lost) {
      const counts = sites.map((site) => [site.number, site.applied(from)]);
      const there = Math.max(
        ...sites.map(({ journal }) => from.journal.upTo(journal.position(from.number))),
      );
      const all = sites.map(({ number }) => [number, there]);
      assert.deepEqual(counts, all, `${when}: of the lost site ${from.number} is applied`);
    }
    await this.#group.assertEqualMeanwhile(when);
    await this.#greatest.check();
    await this.#drawn.collect();
  }

  async #join(): Promise<void> {
    const giver = this.#random.pick(this.#group.sites);
    const meanwhile = async (): Promise<void> => {
      for (const site of this.#group.sites)
        if (this.#random.chance(60)) await this.#drawn.write(site);
      await this.#drawn.deliver(6);
    };
    await join(this.#group, giver, { taken: meanwhile, sent: meanwhile });
    await this.#rounds();
  }

  /** One site is lost, or two, of which one has made changes over changes of the other that it alone has. */
  async #lose(): Promise<void> {
    const random = this.#random;
    const { sites } = this.#group;
    const first = random.pick(sites);
    if (sites.length < 4 || random.chance(20)) {
      await this.#rounds((to, from) => from === first && to.number % 2 === random.int(2));
      await this.#lost(first);
      return;
    }
    const second = random.pick(sites.filter((site) => site !== first));
    await this.#rounds((to, from) => from === first && to !== second);
    for (let left = random.int(3); left > 0; left--) {
      await second.apply(first, 1 + random.int(10));
      await this.#drawn.write(second);
    }
    if (random.chance(50)) await this.#rounds((to, from) => from === first && to !== second);
    await this.#lost(first);
    if (random.chance(30)) await this.#rounds();
    await this.#lost(second);
  }

  /** Some have more of it in their journals than is applied, and one of them mostly the most. */
  async #lost(site: SteppedSite): Promise<void> {
    const random = this.#random;
    const { made } = site;
    const others = this.#group.sites.filter((other) => other !== site);
    for (const { journal } of others)
      if (random.chance(20)) journal.pull(site.journal, random.int(made + 1));
    const knowing = this.#group.lost.length > 0;
    if (knowing && random.chance(80)) random.pick(others).journal.pull(site.journal, made);
    this.#group.lose(site);
    if (random.chance(60)) await this.#rounds();
  }

  /** One site removes what is lost, and the others hear of it at some time. */
  async #remove(): Promise<void> {
    const random = this.#random;
    for (const { number } of this.#group.lost.toSorted(() => random.int(3) - 1)) {
      for (const site of this.#group.sites.toSorted(() => random.int(3) - 1)) {
        await site.learn(memberOf(number, 'left'));
        await this.#talk();
      }
      if (random.chance(30)) await this.#rounds();
    }
  }

  /** Some say what they have, some reckon with what was said, some hand on what they have. */
  async #talk(): Promise<void> {
    const random = this.#random;
    const { sites, lost } = this.#group;
    for (const site of sites) {
      if (random.chance(50)) this.#said.set(site.number, await site.members.statement());
      const via = random.pick(sites);
      for (const { journal } of lost)
        if (random.chance(30)) site.journal.pull(journal, Infinity, via.journal);
      if (random.chance(50)) await site.members.reckon(this.#others(site));
    }
    if (random.chance(50)) await this.#drawn.deliver(6);
  }

  #others(site: SteppedSite): ReadonlyMap<number, Statement> {
    return new Map([...this.#said].filter(([number]) => number !== site.number));
  }

  /** All hear of all. */
  async #gossip(): Promise<void> {
    const { sites } = this.#group;
    if (this.#random.chance(50)) await this.#talk();
    for (const site of sites) this.#said.set(site.number, await site.members.statement());
    if (this.#random.chance(50)) await this.#rounds();
    for (const site of sites) await site.members.reckon(this.#others(site));
  }
}
