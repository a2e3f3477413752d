import { parseArgs } from 'node:util';
import { embeddedBinaries } from '../../src/postgres/binaries.ts';
import { measureLimits } from './limits.ts';
import { loadGenerator } from './load.ts';
import { compare, limitLines, writerLines } from './report.ts';
import type { Line } from './report.ts';
import { MEASURES, runSide } from './rows.ts';
import type { Measure, Results } from './rows.ts';
import { Servers } from './servers.ts';
import { FULL, QUICK, SERVER_SETTINGS, SMOKE } from './settings.ts';
import type { Sizes } from './settings.ts';
import { NativeSide } from './side-native.ts';
import { SynclineSide } from './side-syncline.ts';
import { measureWriterCost } from './writer-cost.ts';

const USAGE = `Usage: npm run bench -- native [--rows ${MEASURES.join(',')},writer,limits] [--runs N] [--quick | --smoke]

PostgreSQL's native subscription against Syncline: same servers, same load. One JSON object a line:
{"bench","ours","peer","ratio","unit","runs"}; a ratio above 1 means that Syncline is better.
`;

interface Options {
  sizes: Sizes;
  runs: number;
  measures: Measure[];
  writer: boolean;
  limits: boolean;
  sides: (keyof Sides)[];
}

interface Sides {
  native: NativeSide;
  syncline: SynclineSide;
}

function note(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function parse(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      runs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      side: { type: 'string' },
    },
  });
  if (positionals[0] !== 'native') return undefined;
  const rows = (values.rows ?? [...MEASURES, 'writer', 'limits'].join(','))
    .split(',')
    .map((row) => row.replace(/^native-/, ''));
  const wanted = (name: string): boolean => rows.some((row) => row.startsWith(name));
  const runs = Number(values.runs ?? (values.quick || values.smoke ? 1 : 3));
  const measures = MEASURES.filter(
    (measure) => wanted(measure) || (measure === 'bulk' && wanted('memory')),
  );
  if (!Number.isInteger(runs) || runs < 1) return undefined;
  const sides = ['native', 'syncline'] as const;
  return {
    ...{ runs, measures, sizes: values.smoke ? SMOKE : values.quick ? QUICK : FULL },
    ...{ writer: wanted('writer'), limits: wanted('limits') },
    sides: sides.filter((side) => values.side === undefined || values.side === side),
  };
}

async function measure(servers: Servers, sides: Sides, options: Options): Promise<Line[]> {
  const { sizes, measures } = options;
  const results = { native: [] as Results[], syncline: [] as Results[] };
  const limits: Results[] = [];
  const writer: Results[] = [];
  for (let run = 1; run <= options.runs; run++) {
    note(`run ${run} of ${options.runs}`);
    // Sides take turns, so that a slow spell of the machine does not hit one of them only.
    for (const side of measures.length === 0 ? [] : options.sides) {
      results[side].push(await runSide(sides[side], servers, { sizes, measures, note }));
    }
    if (options.writer) writer.push(await measureWriterCost(servers, sizes, sides.syncline));
    if (options.limits) limits.push(await measureLimits(servers, sizes, measures));
  }
  return [
    ...compare('native', results.syncline, results.native),
    ...(options.writer ? writerLines(writer) : []),
    ...limitLines(limits),
  ];
}

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2));
  if (options === undefined) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  const { sizes } = options;
  note(`load: ${loadGenerator()}, ${JSON.stringify(sizes)}`);
  note(`servers (both, embedded PostgreSQL 18): ${JSON.stringify(SERVER_SETTINGS)}`);
  const servers = new Servers({ binaries: embeddedBinaries(), settings: SERVER_SETTINGS });
  let ours: SynclineSide | undefined;
  const remove = async (): Promise<void> => {
    await ours?.remove();
    await servers.remove();
  };
  const interrupted = (): void => void remove().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await servers.start();
    for (const server of [servers.a, servers.b]) await server.makePlain(sizes.rows);
    ours = await SynclineSide.make(servers, sizes.rows);
    const sides = { native: new NativeSide(servers), syncline: ours };
    for (const line of await measure(servers, sides, options)) {
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
  } finally {
    await remove();
  }
}

await main();
