import { drawExpiry } from './draw-expiry.ts';
import { drawLosses } from './draw-losses.ts';
import { drawChanges } from './draw-membership.ts';
import { drawModel } from './draw-model.ts';
import { FIRST_SITES } from './model.ts';
import { CLOCK_MICROS, Phase } from './phase.ts';
import type { Planted } from './planted.ts';
import { Random } from './random.ts';
import type { Step } from './steps.ts';
import type { Setting } from './world.ts';

/** A scenario: where it plays and what happens. */
export interface Scenario {
  setting: Setting;
  steps: Step[];
}

/** Makes another source of random numbers out of a seed. */
const CHANGES = 0x6a6f696e;
const LOSSES = 0x6c6f7373;
const EXPIRY = 0x65787069;

/** The scenario of a seed. */
export function drawScenario(seed: number, planted?: Planted): Scenario {
  const random = new Random(seed);
  const count = 2 + random.weighted([3, 5, 2, 1]);
  const model = drawModel(random);
  const sites = FIRST_SITES.slice(0, count);
  const clocks = random.int(3);
  const offsets = sites.map(() => drawOffset(random, clocks));
  const steps: Step[] = [];
  for (let phase = 1 + random.int(4); phase > 0; phase--) {
    steps.push(...new Phase(random, { sites, model }).draw());
  }
  const loses = count > 2 && random.chance(20);
  if (loses) {
    const lose: Step = { do: 'lose', site: random.pick(sites) };
    steps.splice(random.int(steps.length), 0, lose);
  }
  const drawn = { setting: { sites, model, offsets, planted, loses }, steps };
  // From sources of their own: what is drawn above stays the same.
  const scenario = drawLosses(new Random(seed ^ LOSSES), drawn);
  const changed = drawChanges(new Random(seed ^ CHANGES), scenario, () =>
    drawOffset(random, clocks),
  );
  return drawExpiry(new Random(seed ^ EXPIRY), changed);
}

function drawOffset(random: Random, clocks: number): number {
  if (clocks === 0) return 0;
  const span = clocks === 1 ? 2000 : CLOCK_MICROS;
  return random.int(2 * span) - span;
}
