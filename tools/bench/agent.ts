import { createApplier } from '../../src/apply/apply-origin.ts';
import { Beacon } from '../../src/apply/beacon.ts';
import { Knowledge } from '../../src/apply/knowledge.ts';
import { createLog } from '../../src/base/log.ts';
import { Capture } from '../../src/capture/capture.ts';
import { LmdbJournal } from '../../src/journal/journal-lmdb.ts';
import type { Identity } from '../../src/link/authority.ts';
import { Puller } from '../../src/link/puller.ts';
import { LinkServer } from '../../src/link/server.ts';
import { LEASE_MODEL } from './lease-model.ts';

/** What the benchmark tells an agent process to be. */
export interface AgentConfig {
  number: number;
  dsn: string;
  slot: string;
  journal: string;
  group: string;
  authority: string;
  identity: Identity;
  port: number;
  peer: { number: number; port: number };
}

export type AgentCommand = { do: 'start'; config: AgentConfig } | { do: 'link'; up: boolean };

/** A site's parts in a process of their own, connected as the agent connects them. */
class BenchAgent {
  readonly #config: AgentConfig;
  readonly #journal: LmdbJournal;
  readonly #log = createLog('warn');
  readonly #stop = new AbortController();
  #link = new AbortController();
  #applied: () => bigint = () => 0n;

  constructor(config: AgentConfig) {
    this.#config = config;
    this.#journal = LmdbJournal.open({ path: config.journal, quotaBytes: 2 ** 35 });
  }

  async start(): Promise<void> {
    const { number, dsn, slot, authority, identity, port, peer } = this.#config;
    const log = this.#log;
    const capture = new Capture({
      ...{ site: { number, incarnation: 1 }, dsn, slot, publication: 'crp', serverMajor: 18 },
      unshipped: new Map(),
      ...{ journal: this.#journal, log },
    });
    const server = new LinkServer({
      ...{
        self: number,
        journal: this.#journal,
        authority,
        identity,
        host: '127.0.0.1',
        port,
        log,
      },
      ...{ modelHash: () => 'bench', onAck: () => undefined },
    });
    await server.listen();
    const applier = createApplier({
      ...{ site: { name: `site${number}`, number }, siteNames: () => new Map() },
      ...{ origin: peer.number, incarnation: 1, models: [LEASE_MODEL], journal: this.#journal },
      ...{ dsn, log, knowledge: new Knowledge(number), maxClockDriftMicros: 10_000_000n },
      // With two sites nobody needs the other's knowledge vector.
      ...{ beacon: new Beacon(dsn, () => false), onApplied: () => undefined },
    });
    this.#applied = () => applier.appliedDurably();
    for (const part of [capture, applier]) this.#run(part.run(this.#stop.signal));
    this.link(true);
  }

  link(up: boolean): void {
    this.#link.abort();
    if (!up) return;
    this.#link = new AbortController();
    const { number, peer, group, authority, identity } = this.#config;
    const puller = new Puller({
      ...{ peer: { name: `site${peer.number}`, host: '127.0.0.1', port: peer.port } },
      ...{ group, authority, identity, origin: peer.number, journal: this.#journal },
      ...{ log: this.#log, modelHash: () => 'bench', applied: this.#applied },
    });
    void number;
    this.#run(puller.run(this.#link.signal));
  }

  #run(part: Promise<void>): void {
    part.catch((error: unknown) => {
      this.#log.error({ error: String(error) }, 'a part of the agent failed');
      process.exit(1);
    });
  }
}

let agent: BenchAgent | undefined;

process.on('message', (command: AgentCommand) => {
  if (command.do === 'start') {
    agent = new BenchAgent(command.config);
    void agent.start().then(() => process.send?.('started'));
  } else agent?.link(command.up);
});
process.once('disconnect', () => process.exit(0));
