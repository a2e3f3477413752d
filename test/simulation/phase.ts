import type { SimEntity } from './model.ts';
import type { Random } from './random.ts';
import type { Statement } from './statement.ts';
import { applying } from './steps.ts';
import type { Step } from './steps.ts';

/** Ten minutes, in µs: as far as clocks are off. */
export const CLOCK_MICROS = 600_000_000;

/** Where a phase plays. */
export interface PhaseParts {
  sites: readonly number[];
  model: readonly SimEntity[];
  /** Sites come and go: greetings and retention matter. */
  changes?: boolean;
}

/** A stretch of time in which the same links are up and the same faults are likely. */
export class Phase {
  readonly #random: Random;
  readonly #sites: readonly number[];
  readonly #model: readonly SimEntity[];
  readonly #links: [from: number, to: number][];
  readonly #weights: number[];
  readonly #keys: number;

  constructor(random: Random, parts: PhaseParts) {
    this.#random = random;
    this.#sites = parts.sites;
    this.#model = parts.model;
    const down = random.pick([0, 0, 30, 70]);
    this.#links = parts.sites.flatMap((from) =>
      parts.sites
        .filter((to) => to !== from && !random.chance(down))
        .map((to): [number, number] => [from, to]),
    );
    this.#keys = random.pick([1, 2, 2, 4]);
    const faults = random.pick([0, 0, 2, 8]);
    const keeps = parts.model.some(({ entity }) => entity.history !== undefined);
    // In the order of `#step`.
    const stores = random.pick([1, 8]);
    const confirms = random.pick([3, 10]);
    this.#weights = [
      30,
      10,
      stores,
      confirms,
      25,
      25,
      faults,
      random.pick([0, 1]),
      3,
      keeps ? 1 : 0,
      ...(parts.changes === true ? [8, 3, 1] : []),
    ];
  }

  draw(): Step[] {
    const length = 10 + this.#random.int(50);
    return Array.from({ length }, () => this.#step()).flat();
  }

  #step(): Step[] {
    const random = this.#random;
    const site = random.pick(this.#sites);
    switch (random.weighted(this.#weights)) {
      case 0:
        return [this.write(site)];
      case 1:
        return [{ do: 'capture', site, count: 1 + random.int(4), flush: random.chance(60) }];
      case 2:
        return [{ do: 'store', site }];
      case 3:
        return [{ do: 'confirm', site }];
      case 4:
        return this.#pull();
      case 5:
        return this.#apply(site);
      case 6: {
        const what = random.pick(['agent', 'database', 'machine'] as const);
        const crash: Step = { do: 'crash', site, what };
        return random.chance(50) ? [{ do: 'confirm', site }, crash] : [crash];
      }
      case 7:
        return [{ do: 'clock', site, by: random.int(2 * CLOCK_MICROS) - CLOCK_MICROS }];
      case 8:
        return [{ do: 'wal', site }];
      case 9:
        return this.#quiet(2);
      case 10:
        return [{ do: 'greet', site, with: random.pick(this.#sites) }];
      case 11:
        return [{ do: 'retain', site }];
      default:
        return this.#quiet(5);
    }
  }

  /** Everybody hears of everybody a few times, with a write in between: what is old becomes stable. */
  #quiet(atLeast: number): Step[] {
    const rounds = atLeast + this.#random.int(5);
    return Array.from({ length: rounds }, () => [
      ...this.#sites.flatMap((site) => this.#flush(site)),
      ...this.#links.flatMap(([from, site]) => this.#exchange(from, site)),
      ...(this.#random.chance(50) ? [this.write(this.#random.pick(this.#sites))] : []),
      ...this.#sites
        .filter(() => this.#random.chance(80))
        .map((site): Step => ({ do: 'trim', site })),
    ]).flat();
  }

  #flush(site: number): Step[] {
    return [
      { do: 'wal', site },
      { do: 'capture', site, count: 100, flush: true },
      { do: 'store', site },
    ];
  }

  #exchange(from: number, site: number): Step[] {
    return [
      { do: 'pull', site, from, origin: from, count: 100, again: 0 },
      ...applying(site, from, 100),
      { do: 'wal', site },
    ];
  }

  /** A transaction of a service. */
  write(site: number): Step {
    const random = this.#random;
    const count = random.chance(70) ? 1 : 2 + random.int(3);
    const statements = Array.from({ length: count }, () => this.#statement());
    return { do: 'write', site, durably: !random.chance(10), statements };
  }

  #statement(): Statement {
    const random = this.#random;
    const entity = random.int(this.#model.length);
    const groups = 1 + random.int(2 ** this.#model[entity]!.policy.groups.length - 1);
    const op = (['insert', 'update', 'delete', 'rekey'] as const)[random.weighted([8, 16, 4, 1])]!;
    const [key, to] = [1 + random.int(this.#keys), 1 + random.int(this.#keys)];
    return { op, entity, key, to, groups, value: random.int(1_000_000) };
  }

  #other(site: number): number {
    return this.#random.pick(this.#sites.filter((other) => other !== site));
  }

  /** Mostly from the origin itself; sometimes relayed, sometimes with old batches again. */
  #pull(): Step[] {
    const random = this.#random;
    if (this.#links.length === 0) return [];
    const [from, site] = random.pick(this.#links);
    const origin = random.chance(75) ? from : this.#other(site);
    const again = random.chance(15) ? 1 + random.int(3) : 0;
    const pull: Step = { do: 'pull', site, from, origin, count: 1 + random.int(3), again };
    const capture: Step = { do: 'capture', site: from, count: 5, flush: true };
    return random.chance(70) ? [capture, pull, ...this.#applying(site, origin)] : [pull];
  }

  #applying(site: number, origin: number): Step[] {
    if (this.#random.chance(40)) return [];
    return applying(site, origin, 1 + this.#random.int(4));
  }

  #apply(site: number): Step[] {
    const random = this.#random;
    const origin = this.#other(site);
    const steps = applying(site, origin, 1 + random.int(4));
    return random.chance(60) ? steps : [random.pick(steps)];
  }
}
