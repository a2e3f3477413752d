import { TcpProxy } from '../../test/support/tcp-proxy.ts';

/** What the benchmark asks of the process that carries the links; each is answered by one message. */
export type WireRequest =
  | { do: 'start'; targets: readonly number[] }
  | { do: 'set'; mode: 'open' | 'cut' | 'held' }
  | { do: 'waiting' };

const proxies: TcpProxy[] = [];

/** Ports to connect to, or how many connections wait at each of the proxies. */
async function answer(request: WireRequest): Promise<number[]> {
  switch (request.do) {
    case 'start':
      for (const port of request.targets) {
        proxies.push(await TcpProxy.start({ host: '127.0.0.1', port }));
      }
      return proxies.map((proxy) => proxy.port);
    case 'set':
      for (const proxy of proxies) proxy.set(request.mode);
      return [];
    case 'waiting':
      return proxies.map((proxy) => proxy.waiting);
  }
}

process.on('message', (request: WireRequest) => {
  void answer(request).then((numbers) => process.send?.(numbers));
});
process.once('disconnect', () => process.exit(0));
// The terminal sends it to the whole process group; the benchmark decides when this process ends.
process.on('SIGINT', () => undefined);
