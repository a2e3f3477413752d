import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** How a proxy treats what passes. */
export type ProxyMode = 'open' | 'cut' | 'stalled' | 'held';

/**
 * A TCP proxy on the loopback interface that can be cut (connections are reset, new ones refused),
 * stalled (they stay open and nothing passes) or held (connections are reset, new ones wait until it is
 * open again): the network between two sites, as a test needs it.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<[Socket, Socket]>();
  /** Accepted while held, and still there. */
  readonly #waiting = new Set<Socket>();
  #mode: ProxyMode = 'open';
  /** Connections are reset once so many more bytes have passed; undefined: never. */
  #budget: number | undefined;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    // Without Nagle's algorithm, as the link itself: it is the link's time that is looked at.
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections that exist now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Connections that wait, while held, until it is open. */
  get waiting(): number {
    return this.#waiting.size;
  }

  set(mode: ProxyMode): void {
    this.#mode = mode;
    this.#release(mode);
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        if (mode === 'cut' || mode === 'held') socket.destroy();
        else if (mode === 'stalled') socket.pause();
        else socket.resume();
      }
    }
  }

  /** Resets all connections when so many more bytes have passed: in the middle of a frame, mostly. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  async close(): Promise<void> {
    this.set('cut');
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #release(mode: ProxyMode): void {
    if (mode === 'held') return;
    for (const socket of this.#waiting) {
      socket.removeAllListeners();
      this.#accept(socket);
    }
    this.#waiting.clear();
  }

  #hold(incoming: Socket): void {
    this.#waiting.add(incoming);
    incoming.on('error', () => undefined);
    incoming.once('close', () => this.#waiting.delete(incoming));
  }

  #accept(incoming: Socket): void {
    if (this.#mode === 'cut') {
      incoming.resetAndDestroy();
      return;
    }
    if (this.#mode === 'held') return this.#hold(incoming);
    const outgoing = connect({ ...this.#target, noDelay: true });
    const pair: [Socket, Socket] = [incoming, outgoing];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [outgoing, incoming]] as const) {
      from.on('data', (bytes: Buffer) => this.#pass(bytes, from, to));
      from.on('error', () => undefined);
      from.once('close', () => {
        this.#pairs.delete(pair);
        to.destroy();
      });
      if (this.#mode === 'stalled') from.pause();
    }
  }

  #pass(bytes: Buffer, from: Socket, to: Socket): void {
    if (this.#budget !== undefined) {
      this.#budget -= bytes.length;
      if (this.#budget <= 0) {
        this.#budget = undefined;
        to.write(bytes.subarray(0, bytes.length >> 1));
        from.destroy();
        return;
      }
    }
    if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => {
        if (this.#mode !== 'stalled') from.resume();
      });
    }
  }
}
