import type { Scenario } from './draw.ts';
import { NEW_SITES } from './model.ts';
import { Phase } from './phase.ts';
import type { Random } from './random.ts';
import { applying } from './steps.ts';
import type { Step } from './steps.ts';

/** Scenarios of a hundred in which the group changes. */
const CHANGING = 40;

/** Draws sites that join, leave and are removed after what a scenario has already, with work in between. */
export function drawChanges(random: Random, scenario: Scenario, offset: () => number): Scenario {
  if (!random.chance(CHANGING)) return scenario;
  const draw = new Changes(random, scenario, offset);
  for (let count = 1 + random.weighted([5, 4, 2]); count > 0; count--) draw.change();
  return draw.scenario();
}

class Changes {
  readonly #random: Random;
  readonly #scenario: Scenario;
  readonly #offset: () => number;
  readonly #steps: Step[];
  /** Sites that are in the group, if all went as drawn. */
  #sites: number[];
  /** Sites that are lost, and not removed. */
  #lost: number[];
  #joined = 0;
  /** Sites that were lost or removed. */
  #missing: number;

  constructor(random: Random, scenario: Scenario, offset: () => number) {
    this.#random = random;
    this.#scenario = scenario;
    this.#offset = offset;
    this.#steps = [...scenario.steps];
    const removed = this.#steps.flatMap((step) => (step.do === 'remove' ? [step.gone] : []));
    const lost = this.#steps.flatMap((step) => (step.do === 'lose' ? [step.site] : []));
    this.#sites = scenario.setting.sites.filter((site) => !removed.includes(site));
    this.#lost = lost.filter((site) => !removed.includes(site));
    this.#missing = lost.length;
  }

  scenario(): Scenario {
    const { setting } = this.#scenario;
    const loses = setting.loses === true || this.#missing > 0;
    return { setting: { ...setting, loses }, steps: this.#steps };
  }

  change(): void {
    const before = this.#sites;
    const wanted = this.#wanted();
    this.#steps.push(...this.#woven(before, wanted));
    this.#steps.push(...this.#phases(1));
  }

  #wanted(): Step[][] {
    // Nobody can join or leave until a site that is lost is removed.
    const [lost] = this.#lost;
    if (lost !== undefined && this.#random.chance(80)) return this.#remove(lost);
    const canJoin = this.#joined < NEW_SITES.length;
    const kinds = [canJoin ? 6 : 0, this.#sites.length > 1 ? 3 : 0, this.#canRemove() ? 1 : 0];
    if (kinds.every((weight) => weight === 0)) return [];
    const kind = this.#random.weighted(kinds);
    if (kind === 0) return this.#join();
    return kind === 1 ? this.#leave() : this.#remove(this.#random.pick(this.#sites));
  }

  /** One site is lost or removed, and of more than three two. */
  #canRemove(): boolean {
    return this.#missing < (this.#scenario.setting.sites.length > 3 ? 2 : 1);
  }

  /** A new site joins; sometimes it fails and has to begin anew. */
  #join(): Step[][] {
    const newcomer = NEW_SITES[this.#joined]!;
    const via = this.#random.pick(this.#sites);
    const others = this.#sites.filter((site) => site !== via);
    const offset = this.#offset();
    this.#joined += 1;
    const open: Step = { do: 'open', site: newcomer, offset };
    const copied: Step[][] = [
      [{ do: 'admit', site: via, newcomer }],
      [{ do: 'copy', site: via, newcomer }],
    ];
    const removed = this.#random.chance(20) && this.#canRemove() ? this.#remove(via) : [];
    const failed: Step[] = [{ do: 'crash', site: newcomer, what: 'machine' }];
    const steps: Step[][] = [
      [{ do: 'invite', site: via, newcomer }],
      ...(this.#random.chance(15) ? [...copied, failed] : []),
      ...copied,
      [open],
      ...removed,
      [...handOver(via, others), open],
      ...this.#sites.map((other): Step[] => [{ do: 'greet', site: newcomer, with: other }]),
    ];
    this.#sites = [...this.#sites, newcomer];
    return steps;
  }

  /** A site leaves. Where that does not go at once it takes writes again, and leaves later. */
  #leave(): Step[][] {
    const random = this.#random;
    const site = random.pick(this.#sites);
    const others = this.#sites.filter((other) => other !== site);
    const away = this.#scenario.setting.loses !== true && random.chance(20);
    const told = others.filter(() => random.chance(60));
    const attempt = (): Step[][] => [
      [{ do: 'lock', site, away: away ? [random.pick(others)] : [] }],
      random.chance(70) ? handOver(site, others) : [],
      [{ do: 'leave', site, told: told.length > 0 ? told : others }],
      [{ do: 'unlock', site }],
    ];
    if (others.length > 0) this.#sites = others;
    return [...attempt(), ...attempt()];
  }

  /** A site is declared gone for good: the one that is lost, or one that nobody hears of. */
  #remove(gone: number): Step[][] {
    const others = this.#sites.filter((other) => other !== gone);
    if (others.length === 0) return [];
    this.#sites = others;
    if (!this.#lost.includes(gone)) this.#missing += 1;
    this.#lost = this.#lost.filter((site) => site !== gone);
    const site = this.#random.pick(others);
    const greet = (other: number): Step[] => [{ do: 'greet', site, with: other }];
    return [[{ do: 'remove', site, gone }], ...others.map(greet)];
  }

  #phases(atLeast: number): Step[] {
    const count = atLeast + this.#random.int(2);
    return Array.from({ length: count }, () => this.#phase(this.#sites)).flat();
  }

  #phase(sites: readonly number[]): Step[] {
    const { model } = this.#scenario.setting;
    return new Phase(this.#random, { sites, model, changes: true }).draw();
  }

  /** The steps at drawn places of what the old members and the new ones do meanwhile. */
  #woven(before: readonly number[], wanted: readonly Step[][]): Step[] {
    const sites = [...new Set([...before, ...this.#sites])];
    const steps = [this.#phase(sites), this.#phase(sites)].flat();
    const places = wanted.map(() => this.#random.int(steps.length + 1)).sort((a, b) => a - b);
    // From the end: what is put in moves no place that comes before.
    for (const [index, place] of [...places.entries()].reverse()) {
      steps.splice(place, 0, ...wanted[index]!);
    }
    return steps;
  }
}

/** What is left to ship of a site goes to the others. */
function handOver(site: number, others: readonly number[]): Step[] {
  return [
    ...([
      { do: 'wal', site },
      { do: 'capture', site, count: 100, flush: true },
      { do: 'store', site },
      { do: 'confirm', site },
    ] as const),
    ...others.flatMap((taker): Step[] => [
      { do: 'pull', site: taker, from: site, origin: site, count: 100, again: 0 },
      ...applying(taker, site, 100),
      { do: 'wal', site: taker },
      { do: 'store', site: taker },
    ]),
  ];
}
