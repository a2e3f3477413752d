import type { Log } from '../../base/log.ts';
import type { Journal } from '../../journal/journal.ts';
import { Puller } from '../../link/puller.ts';
import type { Peer } from './peer.ts';

/** A member is out of reach when nothing was heard of it for so long: several heartbeats and a new try. */
const SILENT_MS = 10_000;

export interface RelayOptions {
  journal: Journal;
  modelHash: () => string;
  log: Log;
}

interface Relay {
  via: Peer;
  stop: AbortController;
  running: Promise<void>;
}

/**
 * Pulls the tail of a member that is out of reach from a member that has more of it than this site: what a
 * site shipped to anybody before it died reaches everybody.
 */
export class Relays {
  readonly #options: RelayOptions;
  readonly #relays = new Map<number, Relay>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Begins and ends relays by what the peers say; called once a round. */
  async update(peers: readonly Peer[]): Promise<void> {
    const wanted = new Set(peers.map((peer) => peer.member.number));
    // A site that has left, of which everybody has the same now.
    for (const origin of this.#relays.keys()) if (!wanted.has(origin)) await this.#end(origin);
    for (const peer of peers) {
      const origin = peer.member.number;
      const current = this.#relays.get(origin);
      const via = isSilent(peer) ? this.#source(peers, origin) : undefined;
      if (current !== undefined && (via === undefined || current.via !== via))
        await this.#end(origin);
      // It may have left while another relay ended.
      if (via?.link().state === 'connected' && !this.#relays.has(origin)) this.#begin(origin, via);
    }
  }

  /** Nothing comes from this peer any more when it settles: it has left. */
  async part(peer: Peer): Promise<void> {
    for (const [origin, relay] of this.#relays) if (relay.via === peer) await this.#end(origin);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#relays.keys()].map((origin) => this.#end(origin)));
  }

  /** The connected peer that has most of the origin, if that is more than is here. */
  #source(peers: readonly Peer[], origin: number): Peer | undefined {
    const here = this.#options.journal.position(origin);
    // What waits there for other changes, and is not applied, counts too.
    const has = (peer: Peer): bigint => {
      const [applied, journalled] = [peer.knows, peer.statement?.journal].map(
        (positions) => positions?.get(origin) ?? 0n,
      ) as [bigint, bigint];
      return applied > journalled ? applied : journalled;
    };
    return peers
      .filter((peer) => peer.member.number !== origin && peer.link().state === 'connected')
      .filter((peer) => has(peer) > here)
      .sort((one, other) => Number(has(other) - has(one)))[0];
  }

  #begin(origin: number, via: Peer): void {
    const { journal, modelHash, log } = this.#options;
    const stop = new AbortController();
    // Nothing is acknowledged through it: what the origin may forget is between it and us.
    const puller = new Puller({
      connection: () => via.connection,
      origin,
      journal,
      modelHash,
      log,
      applied: () => 0n,
    });
    log.info({ origin, via: via.member.name }, 'relay of a member out of reach begins');
    this.#relays.set(origin, { via, stop, running: puller.run(stop.signal) });
  }

  async #end(origin: number): Promise<void> {
    const relay = this.#relays.get(origin);
    this.#relays.delete(origin);
    relay?.stop.abort();
    await relay?.running;
  }
}

function isSilent(peer: Peer): boolean {
  const { state, contactAt } = peer.link();
  return state !== 'connected' && Date.now() - (contactAt ?? 0) > SILENT_MS;
}
