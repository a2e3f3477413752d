import type { Scenario } from './draw.ts';
import { Phase } from './phase.ts';
import type { Random } from './random.ts';
import { applying } from './steps.ts';
import type { Step } from './steps.ts';

/** Of a hundred scenarios with more than three sites so many lose two. */
const LOSING_TWO = 60;
/** In so many of a hundred of these some members hear of it later than others. */
const APART = 50;

/** Draws the loss of a second site, or of two of which one has shipped what it made with knowledge of the other's. */
export function drawLosses(random: Random, scenario: Scenario): Scenario {
  const { setting, steps } = scenario;
  if (setting.sites.length < 4 || !random.chance(LOSING_TWO)) return scenario;
  const first = steps.find((step) => step.do === 'lose')?.site;
  if (first === undefined) {
    const lost = new BothLost(random, scenario).draw();
    return { setting: { ...setting, loses: true }, steps: [...steps, ...lost] };
  }
  const site = random.pick(setting.sites.filter((one) => one !== first));
  const lose: Step = { do: 'lose', site };
  return { setting, steps: steps.toSpliced(random.int(steps.length + 1), 0, lose) };
}

/** Site `one` writes, `other` takes it and writes over it; not all of it gets to the others before both are lost. */
class BothLost {
  readonly #random: Random;
  readonly #one: number;
  readonly #other: number;
  readonly #rest: number[];
  readonly #all: Phase;
  readonly #model: Scenario['setting']['model'];

  constructor(random: Random, { setting }: Scenario) {
    const { sites, model } = setting;
    this.#random = random;
    this.#model = model;
    this.#one = random.pick(sites);
    this.#other = random.pick(sites.filter((site) => site !== this.#one));
    this.#rest = sites.filter((site) => site !== this.#one && site !== this.#other);
    this.#all = new Phase(random, { sites, model });
  }

  draw(): Step[] {
    const random = this.#random;
    const [one, other] = [this.#one, this.#other];
    const rounds = Array.from({ length: 1 + random.int(3) }, () => this.#round()).flat();
    const [first, second] = random.chance(50) ? [one, other] : [other, one];
    return [
      ...rounds,
      { do: 'lose', site: first },
      ...(random.chance(50) ? this.#among() : []),
      { do: 'lose', site: second },
      ...(random.chance(50) ? this.#among() : []),
      ...(random.chance(80) ? this.#removed() : []),
      ...this.#among(),
    ];
  }

  #round(): Step[] {
    const random = this.#random;
    const [one, other] = [this.#one, this.#other];
    return [
      ...this.#writes(one),
      ...this.#taken(other, one, 100),
      ...this.#writes(other),
      ...this.#rest.flatMap((site) => [
        ...(random.chance(60) ? this.#taken(site, other, 1 + random.int(4)) : []),
        ...(random.chance(15) ? this.#taken(site, one, 1 + random.int(4)) : []),
        ...(random.chance(30) ? this.#writes(site) : []),
      ]),
    ];
  }

  #writes(site: number): Step[] {
    const count = 1 + this.#random.int(3);
    const steps = Array.from({ length: count }, () => this.#all.write(site));
    return [...steps, { do: 'wal', site }, { do: 'capture', site, count: 100, flush: true }];
  }

  #taken(site: number, origin: number, count: number): Step[] {
    const pull: Step = { do: 'pull', site, from: origin, origin, count, again: 0 };
    return [pull, ...applying(site, origin, count)];
  }

  /** The others go on. */
  #among(): Step[] {
    const parts = { sites: this.#rest, model: this.#model, changes: true };
    return new Phase(this.#random, parts).draw();
  }

  /** A member learns that both are gone, and tells some of the others; then all apply what they have. */
  #removed(): Step[] {
    const random = this.#random;
    const site = random.pick(this.#rest);
    const gone = random.chance(50) ? [this.#one, this.#other] : [this.#other, this.#one];
    const told = random.chance(APART) ? this.#rest.filter(() => random.chance(50)) : this.#rest;
    const hear = (): Step[] =>
      told.filter((peer) => peer !== site).map((peer): Step => ({ do: 'greet', site, with: peer }));
    return [
      ...gone.flatMap((number): Step[] => [{ do: 'remove', site, gone: number }, ...hear()]),
      ...this.#rest.map((one): Step => ({ do: 'store', site: one })),
      ...hear(),
      ...this.#rest.flatMap((one) => gone.flatMap((origin) => applying(one, origin, 100))),
    ];
  }
}
