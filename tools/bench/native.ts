import { measureLimits } from './limits.ts';
import type { NativeOptions } from './options.ts';
import { compare, limitLines, writerLines } from './report.ts';
import type { Line } from './report.ts';
import { runSide } from './rows.ts';
import type { Results } from './rows.ts';
import { embeddedKind } from './server-kinds.ts';
import { Servers } from './servers.ts';
import { NativeSide } from './side-native.ts';
import { SynclineSide } from './side-syncline.ts';
import { measureWriterCost } from './writer-cost.ts';

/** What a benchmark is given by the command. */
export interface Host {
  /** Tells the person who waits. */
  note: (text: string) => void;
  print: (line: Line) => void;
  /** To be done at the end, the last one first, whatever ended it. */
  atEnd: (work: () => Promise<void>) => void;
}

/** Against the native subscription alone, with what the writer pays and the limits of the machine. */
export async function benchNative(options: NativeOptions, host: Host): Promise<void> {
  const kind = embeddedKind();
  const servers = new Servers(kind);
  const settings = JSON.stringify(kind.settings);
  host.note(`servers (both, embedded PostgreSQL 18) in ${servers.folder}: ${settings}`);
  host.atEnd(() => servers.remove());
  await servers.start();
  for (const server of [servers.a, servers.b]) await server.makePlain(options.sizes.rows);
  const syncline = await SynclineSide.make(servers, options.sizes.rows);
  host.atEnd(() => syncline.remove());
  const sides = { native: new NativeSide(servers), syncline };
  for (const line of await measure(servers, { sides, options, host })) host.print(line);
}

async function measure(
  servers: Servers,
  work: {
    sides: { native: NativeSide; syncline: SynclineSide };
    options: NativeOptions;
    host: Host;
  },
): Promise<Line[]> {
  const { sides, options, host } = work;
  const { sizes, measures } = options;
  const results = { native: [] as Results[], syncline: [] as Results[] };
  const limits: Results[] = [];
  const writer: Results[] = [];
  for (let run = 1; run <= options.runs; run++) {
    host.note(`run ${run} of ${options.runs}`);
    // Sides take turns, so that a slow spell of the machine does not hit one of them only.
    for (const name of measures.length === 0 ? [] : options.sides) {
      const found: Results = new Map();
      results[name].push(found);
      await runSide(sides[name], servers, { sizes, measures, note: host.note }, found);
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
