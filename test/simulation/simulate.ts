import type { Entity } from '../../src/model/ir/ir.ts';
import { methodText, ruleTexts } from '../../src/model/evolution/merge-text.ts';
import { drawScenario } from './draw.ts';
import type { Scenario } from './draw.ts';
import { heal } from './heal.ts';
import { check } from './oracle.ts';
import type { Planted } from './planted.ts';
import { renew } from './renewal.ts';
import { checkSettles } from './settles.ts';
import { World } from './world.ts';

/** Runs of smaller scenarios that are tried on a failing one. */
const SHRINK_RUNS = 4000;

export interface Failure {
  seed: number;
  message: string;
  scenario: Scenario;
}

/** Plays a seed. Undefined when every promise was kept. */
export function simulate(seed: number, planted?: Planted): Failure | undefined {
  const scenario = drawScenario(seed, planted);
  const message = play(scenario);
  return message === undefined ? undefined : { seed, message, scenario };
}

/** Plays a scenario to its end and heals; what went wrong, or undefined. */
export function play(scenario: Scenario, traced?: string[]): string | undefined {
  const world = new World(scenario.setting, traced !== undefined);
  try {
    for (const step of scenario.steps) world.run(step);
    world.trace?.push('-- faults end');
    heal(world);
    check(world);
    // Rows that are over come back everywhere, or they go everywhere first.
    const ends = [renew, checkSettles];
    for (const end of scenario.setting.lapses === true ? ends.toReversed() : ends) {
      end(world);
      check(world);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    traced?.push(...(world.trace ?? []));
  }
}

/** The same failure with as few steps as can be found by leaving out stretches of them. */
export function shrink(failure: Failure): Failure {
  let best = failure;
  let runs = 0;
  for (let size = best.scenario.steps.length >> 1; size > 0 && runs < SHRINK_RUNS;) {
    let smaller = false;
    for (let at = 0; at < best.scenario.steps.length && runs < SHRINK_RUNS;) {
      const steps = best.scenario.steps.toSpliced(at, size);
      const scenario = { ...best.scenario, steps };
      const message = play(scenario);
      runs += 1;
      if (message === undefined) at += size;
      else {
        best = { ...best, message, scenario };
        smaller = true;
      }
    }
    if (!smaller || size > 1) size >>= 1;
  }
  return best;
}

function expiryText({ expires }: Entity): string[] {
  return expires === undefined ? [] : [`over ${expires.grace} s after ${expires.column}`];
}

/** Everything that is needed to understand a failure. */
export function report(failure: Failure): string {
  const { setting } = failure.scenario;
  const trace: string[] = [];
  play(failure.scenario, trace);
  const models = setting.model.map((sim, index) => {
    const groups = sim.entity.groups.map((group) => `${group.name} ${methodText(group)}`);
    return `entity ${index}: ${[...groups, ...ruleTexts(sim.entity), ...expiryText(sim.entity)].join(', ')}`;
  });
  const clocks = setting.sites.map((site, index) => `${site}: ${setting.offsets[index]} µs`);
  return [
    `seed ${failure.seed}: ${failure.message}`,
    ...models,
    `sites and their clocks: ${clocks.join(', ')}`,
    ...trace.map((line) => `  ${line}`),
  ].join('\n');
}
