import { describeError } from '../../src/base/errors.ts';
import { measureFanOut, NativeFanOut, SynclineFanOut } from './fanout.ts';
import type { FanOut } from './fanout.ts';
import type { Host } from './native.ts';
import type { PeersOptions } from './options.ts';
import { preparePeers } from './packages.ts';
import { compare, skippedLines } from './report.ts';
import { MEASURES, runSide } from './rows.ts';
import type { Results } from './rows.ts';
import { debianKind, embeddedKind } from './server-kinds.ts';
import { Servers } from './servers.ts';
import type { ServerKind } from './servers.ts';
import { BucardoSide } from './side-bucardo.ts';
import { NativeSide } from './side-native.ts';
import { PglogicalSide } from './side-pglogical.ts';
import { SynclineSide } from './side-syncline.ts';
import type { Peer, Side } from './side.ts';
import { measureTwoWay } from './twoway.ts';

/** Against every peer: the native subscription on PostgreSQL 18, the others on Debian's PostgreSQL 15. */
export async function benchPeers(options: PeersOptions, host: Host): Promise<void> {
  const absent = await preparePeers(options.peers, options.install);
  for (const [peer, reason] of absent) {
    const measures = measuresOf(peer, options);
    for (const line of skippedLines(peer, measures, reason)) host.print(line);
  }
  const present = options.peers.filter((peer) => !absent.has(peer));
  const native = present.filter((peer) => peer === 'native');
  const debian = present.filter((peer) => peer !== 'native');
  if (native.length > 0) {
    await new Lab(options, host).run(embeddedKind(), native);
  }
  if (debian.length > 0) {
    await new Lab(options, host).run(
      debianKind({ pglogical: debian.includes('pglogical') }),
      debian,
    );
  }
}

function measuresOf(peer: Peer, { measures }: PeersOptions): PeersOptions['measures'] {
  return measures.filter((measure) => measure !== 'fanout' || peer === 'native');
}

/** A pair of servers, and all that are compared on them. */
class Lab {
  readonly #options: PeersOptions;
  readonly #host: Host;
  readonly #results = new Map<Side['name'], Results[]>();
  /** Why a side was given up; its processes may still run, so nothing more is asked of it. */
  readonly #failures = new Map<Side['name'], string>();

  constructor(options: PeersOptions, host: Host) {
    this.#options = options;
    this.#host = host;
  }

  /** Measures so many times and prints the lines of these peers. */
  async run(kind: ServerKind, peers: readonly Peer[]): Promise<void> {
    const { runs } = this.#options;
    const servers = new Servers(kind);
    const settings = JSON.stringify(kind.settings);
    this.#host.note(`servers of ${peers.join(', ')} in ${servers.folder}: ${settings}`);
    this.#host.atEnd(() => servers.remove());
    const { sides, fanOuts } = await this.#prepare(servers, peers);
    for (let run = 1; run <= runs; run++) {
      this.#host.note(`run ${run} of ${runs}`);
      // Sides take turns, so that a slow spell of the machine does not hit one of them only.
      for (const side of sides) {
        await this.#attempt(side.name, run, (results) => this.#runSide(side, servers, results));
      }
      for (const side of fanOuts) {
        await this.#attempt(side.name, run, (results) => this.#fanOut(side, servers, results));
      }
    }
    this.#print(peers);
    for (const side of [...sides, ...fanOuts]) await side.remove();
    await servers.remove();
  }

  async #prepare(
    servers: Servers,
    peers: readonly Peer[],
  ): Promise<{ sides: Side[]; fanOuts: FanOut[] }> {
    const { atEnd } = this.#host;
    const { rows } = this.#options.sizes;
    await servers.start();
    for (const server of [servers.a, servers.b]) await server.makePlain(rows);
    const sides = peers.map((peer) => peerSide(peer, servers));
    sides.push(await SynclineSide.make(servers, rows));
    for (const side of sides) atEnd(() => side.remove());
    const fanOuts: FanOut[] = [];
    if (this.#options.measures.includes('fanout') && peers.includes('native')) {
      fanOuts.push(new NativeFanOut(servers), await SynclineFanOut.make(servers, rows));
      for (const side of fanOuts) atEnd(() => side.remove());
    }
    return { sides, fanOuts };
  }

  /** A side that fails keeps what it reached; the others go on. */
  async #attempt(
    name: Side['name'],
    run: number,
    work: (results: Results) => Promise<void>,
  ): Promise<void> {
    if (this.#failures.has(name)) return;
    const all = this.#results.get(name) ?? [];
    this.#results.set(name, all);
    const results = (all[run - 1] ??= new Map());
    try {
      await work(results);
    } catch (error) {
      const message = `${name}: ${describeError(error)}`;
      this.#failures.set(name, message);
      this.#host.note(`failed: ${message}`);
    }
  }

  async #runSide(side: Side, servers: Servers, results: Results): Promise<void> {
    const { sizes, measures: wanted } = this.#options;
    const { note } = this.#host;
    const measures = MEASURES.filter((measure) => wanted.some((one) => one === measure));
    if (measures.length > 0) await runSide(side, servers, { sizes, measures, note }, results);
    if (!wanted.includes('twoway')) return;
    for (const [row, value] of await measureTwoWay(side, servers, { sizes, note })) {
      results.set(row, value);
    }
  }

  async #fanOut(side: FanOut, servers: Servers, results: Results): Promise<void> {
    const { sizes } = this.#options;
    const found = await measureFanOut(side, servers, { sizes, note: this.#host.note });
    for (const [row, value] of found) results.set(row, value);
  }

  #print(peers: readonly Peer[]): void {
    const ours = this.#results.get('syncline') ?? [];
    for (const peer of peers) {
      const failed = this.#failures.get('syncline') ?? this.#failures.get(peer);
      for (const line of compare(peer, ours, this.#results.get(peer) ?? [])) {
        const incomplete = failed !== undefined && line.ratio === null;
        this.#host.print(incomplete ? { ...line, failed } : line);
      }
    }
  }
}

function peerSide(peer: Peer, servers: Servers): Side {
  switch (peer) {
    case 'native':
      return new NativeSide(servers);
    case 'pglogical':
      return new PglogicalSide(servers);
    case 'bucardo':
      return new BucardoSide(servers);
  }
}
