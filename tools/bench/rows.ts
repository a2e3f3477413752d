import { setTimeout as delay } from 'node:timers/promises';
import { MemoryWatch } from '../../test/support/memory.ts';
import { BULK } from './lease-model.ts';
import { runLoad } from './load.ts';
import { Bench } from './side.ts';
import type { Side } from './side.ts';
import type { Servers } from './servers.ts';
import type { Sizes } from './settings.ts';

/** What can be measured, in the order in which one run does it. */
export const MEASURES = ['steady', 'visible', 'outage', 'restart', 'bulk'] as const;
export type Measure = (typeof MEASURES)[number];

/** What is measured against every peer that can do it. */
export const PEER_MEASURES = ['steady', 'visible', 'outage', 'bulk', 'twoway', 'fanout'] as const;
export type PeerMeasure = (typeof PEER_MEASURES)[number];

/** Results of one run of one side, by row name. */
export type Results = Map<string, number>;

/** Between two looks whether a commit is visible: what times of visibility are exact to, with the look itself. */
const LOOK_MS = 0.25;

type Measurement = (bench: Bench, sizes: Sizes, results: Results) => Promise<void>;

const MEASUREMENTS: Record<Measure, Measurement> = {
  visible: measureVisible,
  steady: measureSteady,
  outage: measureOutage,
  restart: measureRestart,
  bulk: measureBulk,
};

/**
 * One run of one side on fresh databases; ends with a proof that both sites are equal.
 *
 * @param results is filled as far as it goes
 * @throws Error when the side does not do it
 */
export async function runSide(
  side: Side,
  servers: Servers,
  work: { sizes: Sizes; measures: readonly Measure[]; note: (text: string) => void },
  results: Results,
): Promise<void> {
  const { note, sizes } = work;
  for (const { cuttable, measures } of byLink(work.measures)) {
    const bench = await Bench.open(side, servers, { note, limitMs: sizes.limitMs, cuttable });
    try {
      for (const measure of measures) {
        await bench.caughtUp();
        await MEASUREMENTS[measure](bench, sizes, results);
        const found = [...results].map(([name, value]) => `${name} ${value.toFixed(2)}`).join(', ');
        note(`${side.name}: ${found}`);
      }
      await bench.verify();
    } finally {
      await bench.close();
    }
  }
}

/** Measures in their order; those that take the link down have databases of their own. */
function byLink(measures: readonly Measure[]): { cuttable: boolean; measures: Measure[] }[] {
  const groups: { cuttable: boolean; measures: Measure[] }[] = [];
  for (const measure of measures) {
    const cuttable = measure === 'outage';
    if (groups.at(-1)?.cuttable !== cuttable) groups.push({ cuttable, measures: [] });
    groups.at(-1)!.measures.push(measure);
  }
  return groups;
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** Seconds that work took; notes who used the CPU meanwhile: it is what a machine with few cores is short of. */
export async function timed(bench: Bench, work: () => Promise<unknown>): Promise<number> {
  const { a, b } = bench.servers;
  const cpu = (): number[] => [a.cpu(), b.cpu(), ...bench.side.cpu()];
  const before = cpu();
  const took = await seconds(work);
  const used = cpu().map((value, index) => (value - (before[index] ?? 0)).toFixed(2));
  const names = ['server a', 'server b', 'agent a', 'agent b'];
  bench.note(
    `took ${took.toFixed(2)} s; CPU: ${used.map((s, i) => `${names[i]} ${s}`).join(', ')}`,
  );
  return took;
}

function load(bench: Bench, sizes: Sizes, transactions: number): Promise<number> {
  const { servers, database } = bench;
  const { rows, clients } = sizes;
  const { a: server, folder } = servers;
  return runLoad({ server, database, rows, transactions, clients, folder });
}

/**
 * Commit at A, acknowledged, until a session at B sees it, with nothing else going on. As many commits again come
 * before those that count: processes that have just started are not what a site has.
 */
async function measureVisible(bench: Bench, sizes: Sizes, results: Results): Promise<void> {
  const times: number[] = [];
  for (let sample = -sizes.samples; sample < sizes.samples; sample++) {
    await delay(2 + Math.random() * 8);
    const mark = await bench.writeMark();
    const took = await seconds(() => bench.seen(mark, LOOK_MS));
    if (sample >= 0) times.push(took * 1000);
  }
  times.sort((one, other) => one - other);
  const quantile = (q: number): number => times[Math.floor(q * (times.length - 1))]!;
  results.set('visible-p50', quantile(0.5));
  results.set('visible-p99', quantile(0.99));
}

/** Full speed at A with replication live: start of the load until B has all. */
async function measureSteady(bench: Bench, sizes: Sizes, results: Results): Promise<void> {
  let tps = 0;
  const took = await timed(bench, async () => {
    tps = await load(bench, sizes, sizes.live);
    await bench.caughtUp();
  });
  results.set('steady', took);
  results.set('steady-tps', tps);
}

/** The link comes back after an outage; everything else ran on. */
async function measureOutage(bench: Bench, sizes: Sizes, results: Results): Promise<void> {
  await bench.side.linkDown();
  await load(bench, sizes, sizes.backlog);
  const mark = await bench.writeMark();
  await bench.side.linkAwaited();
  const took = await timed(bench, async () => {
    await bench.side.linkUp();
    await bench.seen(mark, 5);
  });
  results.set('outage', took);
}

/** The replicating processes come back; nothing was decoded meanwhile. */
async function measureRestart(bench: Bench, sizes: Sizes, results: Results): Promise<void> {
  await bench.side.processesDown();
  await load(bench, sizes, sizes.backlog);
  const mark = await bench.writeMark();
  const took = await timed(bench, async () => {
    await bench.side.processesUp();
    await bench.seen(mark, 5);
  });
  results.set('restart', took);
}

/** One transaction that changes every row: its start until B has it; agents are fresh, for their memory. */
async function measureBulk(bench: Bench, _sizes: Sizes, results: Results): Promise<void> {
  await bench.side.processesDown();
  await bench.side.processesUp();
  await bench.caughtUp();
  const memory = new MemoryWatch(() => bench.side.processes());
  let peaks: number[] = [];
  const took = await timed(bench, async () => {
    await bench.a.query(BULK);
    await bench.caughtUp();
  }).finally(() => (peaks = memory.stop()));
  results.set('bulk', took);
  if (peaks.length > 0) results.set('memory', Math.max(...peaks) / 2 ** 20);
}
