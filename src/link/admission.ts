import type { Socket } from 'node:net';
import type { Log } from '../base/log.ts';

/** How many connections a site lets in; each limit keeps what it is there for from using up sockets and memory. */
export interface AdmissionLimits {
  /** Connections without a certificate yet, which anybody can make and hold for ten seconds: of one address, and of all. */
  unknownOfAddress: number;
  unknown: number;
  /**
   * Connections of one member. It has one for every site that it pulls by way of this one, which with many sites lost can be
   * many, one for each greeting, and those of its commands.
   */
  ofPeer: number;
}

export const ADMISSION_LIMITS: AdmissionLimits = {
  // Sites behind one router have one address, and come all at once after it was down.
  unknownOfAddress: 64,
  unknown: 512,
  ofPeer: 256,
};

/**
 * Requests under way on one connection, each of which asks the database who asks: a comparison has some, all else one. One that
 * begins thousands would keep the agent from everything else.
 */
export const MAX_STREAMS = 32;

/** One line of the log in this time, ms, for all that is refused for one reason. */
const LOG_MS = 60_000;

/**
 * The connections of a server. Of those that are too many a new one is ended, whereas what is there goes on.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #log: Log;
  /** All of them, not only those with a finished handshake. */
  readonly #sockets = new Set<Socket>();
  /** Addresses of the connections without a certificate yet, by address and port. */
  readonly #unknown = new Map<string, string>();
  readonly #peers = new Map<string, number>();
  /** By reason: when it was last logged, by `Date.now()`, and what was refused since. */
  readonly #refused = new Map<string, { at: number; since: number }>();

  constructor(limits: AdmissionLimits, log: Log) {
    this.#limits = limits;
    this.#log = log;
  }

  /** A connection was made. */
  arrives(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    if (!this.#mayArrive(socket)) socket.destroy();
  }

  /** Its certificate is that of a member. */
  shows(socket: Socket, peer: string): void {
    this.#unknown.delete(nameOf(socket));
    const count = this.#peers.get(peer) ?? 0;
    if (count >= this.#limits.ofPeer) {
      this.#refuse({ peer, connections: count }, 'a member has too many connections');
      socket.destroy();
      return;
    }
    this.#peers.set(peer, count + 1);
    socket.once('close', () => this.#leaves(peer));
  }

  /** Ends them all. */
  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #mayArrive(socket: Socket): boolean {
    const { remoteAddress: address } = socket;
    // It is gone already.
    if (address === undefined) return false;
    const all = [...this.#unknown.values()];
    if (all.length >= this.#limits.unknown) {
      this.#refuse({ connections: all.length }, 'too many connections have shown no certificate');
      return false;
    }
    const same = all.filter((one) => one === address).length;
    if (same >= this.#limits.unknownOfAddress) {
      const facts = { address, connections: same };
      this.#refuse(facts, 'too many connections of one address have shown no certificate');
      return false;
    }
    const name = nameOf(socket);
    this.#unknown.set(name, address);
    socket.once('close', () => this.#unknown.delete(name));
    return true;
  }

  #leaves(peer: string): void {
    const count = this.#peers.get(peer) ?? 0;
    if (count > 1) this.#peers.set(peer, count - 1);
    else this.#peers.delete(peer);
  }

  #refuse(facts: object, why: string): void {
    const known = this.#refused.get(why);
    const since = (known?.since ?? 0) + 1;
    const isDue = known === undefined || Date.now() - known.at >= LOG_MS;
    this.#refused.set(why, isDue ? { at: Date.now(), since: 0 } : { ...known, since });
    if (isDue) this.#log.warn({ ...facts, refused: since }, `${why}: new ones are refused`);
  }
}

/** The same of a connection before and after TLS. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
