import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** How a proxy treats what passes. */
export type ProxyMode = 'open' | 'cut' | 'stalled';

/**
 * A TCP proxy on the loopback interface that can be cut (connections are reset, new ones refused) or
 * stalled (they stay open and nothing passes): the network between two sites, as a test needs it.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #target: { host: string; port: number };
  readonly #pairs = new Set<[Socket, Socket]>();
  #mode: ProxyMode = 'open';
  /** Connections are reset once so many more bytes have passed; undefined: never. */
  #budget: number | undefined;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((socket) => this.#accept(socket));
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

  set(mode: ProxyMode): void {
    this.#mode = mode;
    for (const pair of this.#pairs) {
      for (const socket of pair) {
        if (mode === 'cut') socket.destroy();
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

  #accept(incoming: Socket): void {
    if (this.#mode === 'cut') {
      incoming.resetAndDestroy();
      return;
    }
    const outgoing = connect(this.#target);
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
