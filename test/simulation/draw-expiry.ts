import { mergedColumns } from '../../src/model/ir/ir.ts';
import type { Method } from '../../src/model/ir/ir-resolution.ts';
import type { Scenario } from './draw.ts';
import { METHODS } from './draw-model.ts';
import { simEntity, simGroup } from './model.ts';
import type { SimEntity } from './model.ts';
import { CLOCK_MICROS } from './phase.ts';
import type { Random } from './random.ts';
import type { Statement } from './statement.ts';
import { applying } from './steps.ts';
import type { Step } from './steps.ts';

type WriteStep = Step & { do: 'write' };

/** Scenarios of a hundred in which rows expire. */
const EXPIRING = 30;
/** Methods of the group that has the time. */
const OF_TIMES: readonly Method[] = ['latest-timestamp', 'latest-timestamp', 'maximum'];
/** In seconds. */
const GRACES: readonly number[] = [0, 0, 0.004, 0.0005];

/**
 * Adds an entity whose rows expire to what a scenario has already: statements in its transactions, and stretches in
 * which everybody hears of everybody and sites look for rows that are over. Rules and methods that need history are
 * not drawn: the compiler refuses them together with `crp:expires-at`.
 */
export function drawExpiry(random: Random, scenario: Scenario): Scenario {
  if (!random.chance(EXPIRING)) return scenario;
  const sim = drawEntity(random, scenario.setting.model.length);
  const keys = 1 + random.int(3);
  const drawn = { sim, keys };
  const steps = scenario.steps.map((step) =>
    step.do === 'write' ? withStatements(random, step, drawn) : step,
  );
  const sites = [...new Set(steps.map(({ site }) => site))];
  for (let count = 1 + random.int(4); count > 0; count--) {
    const place = random.int(steps.length + 1);
    steps.splice(place, 0, ...stretch(random, sites, drawn));
  }
  for (let count = random.int(4); count > 0; count--) {
    const by = random.chance(50) ? random.int(40_000) : random.int(2 * CLOCK_MICROS) - CLOCK_MICROS;
    const jump: Step = { do: 'clock', site: random.pick(sites), by };
    steps.splice(random.int(steps.length + 1), 0, jump);
  }
  const model = [...scenario.setting.model, sim];
  return { setting: { ...scenario.setting, model, lapses: random.chance(40) }, steps };
}

function drawEntity(random: Random, index: number): SimEntity {
  const count = 1 + random.weighted([2, 3, 2]);
  const timed = random.int(count);
  const groups = Array.from({ length: count }, (_, at) => {
    const name = `g${at}`;
    const method = random.pick(at === timed ? OF_TIMES : METHODS);
    const isOne = method === 'add-wins' || method === 'remove-wins' || random.chance(70);
    return simGroup(name, isOne ? [`${name}a`] : [`${name}a`, `${name}b`], method);
  });
  const texts = new Set(groups.filter(() => random.chance(40)).map(({ name }) => name));
  const places = [...groups.flatMap(mergedColumns).keys()];
  const toasted = new Set(places.filter(() => random.chance(30)));
  const expires = { column: `g${timed}a`, grace: random.pick(GRACES) };
  return simEntity(index, groups, { toasted, texts, expires });
}

/** What statements are about. */
interface Drawn {
  sim: SimEntity;
  keys: number;
}

function withStatements(random: Random, step: WriteStep, drawn: Drawn): Step {
  const kind = random.weighted([5, 3, 4]);
  if (kind === 0) return step;
  const statements = drawStatements(random, drawn);
  return { ...step, statements: kind === 1 ? [...step.statements, ...statements] : statements };
}

function drawStatements(random: Random, { sim, keys }: Drawn): Statement[] {
  const count = random.chance(75) ? 1 : 2 + random.int(2);
  const entity = Number(sim.entity.name.slice(1));
  return Array.from({ length: count }, () => {
    const op = (['insert', 'update', 'delete', 'rekey'] as const)[random.weighted([9, 14, 2, 1])]!;
    const [key, to] = [1 + random.int(keys), 1 + random.int(keys)];
    const groups = 1 + random.int(2 ** sim.policy.groups.length - 1);
    return { op, entity, key, to, groups, value: random.int(1_000_000) };
  });
}

/**
 * Rounds in which nearly all hear of nearly all and few write, so that rows become stable and go; or some links are
 * down for all of them. Then some in which many write what others have removed or renew.
 */
function stretch(random: Random, sites: readonly number[], drawn: Drawn): Step[] {
  const down = random.pick([0, 0, 40]);
  const links = sites.flatMap((from) =>
    sites
      .filter((site) => site !== from && !random.chance(down))
      .map((site): [number, number] => [from, site]),
  );
  const parts = { sites, links, drawn };
  const calm = { busy: random.pick([0, 0, 5, 20]), late: 3 };
  const contested = { busy: random.pick([20, 60]), late: random.pick([3, 50]) };
  return [
    ...Array.from({ length: 7 + random.int(5) }, () => round(random, { ...parts, ...calm })),
    ...Array.from({ length: random.int(4) }, () => round(random, { ...parts, ...contested })),
  ].flat();
}

/** @param parts `busy`: so many of a hundred sites write; `late`: what so many of a hundred links carry waits */
function round(
  random: Random,
  parts: {
    sites: readonly number[];
    links: readonly [number, number][];
    drawn: Drawn;
    busy: number;
    late: number;
  },
): Step[] {
  const { sites, links, drawn, busy, late } = parts;
  return [
    ...sites.flatMap((site): Step[] => [
      { do: 'wal', site },
      { do: 'capture', site, count: 100, flush: true },
      { do: 'store', site },
    ]),
    ...links.flatMap(([from, site]) => (random.chance(late) ? [] : exchange(from, site))),
    ...sites
      .filter(() => random.chance(busy))
      .map((site): Step => {
        const statements = drawStatements(random, drawn);
        return { do: 'write', site, durably: true, statements };
      }),
    ...sites
      .filter(() => random.chance(90))
      .map((site): Step => ({ do: 'expire', site, durably: random.chance(80) })),
  ];
}

function exchange(from: number, site: number): Step[] {
  return [
    { do: 'pull', site, from, origin: from, count: 100, again: 0 },
    ...applying(site, from, 100),
    { do: 'wal', site },
  ];
}
