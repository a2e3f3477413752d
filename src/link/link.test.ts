import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as tcp, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { eventually } from '../../test/support/pair.ts';
import { TcpProxy } from '../../test/support/tcp-proxy.ts';
import { AppError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { CHANGE } from '../journal/batch.ts';
import { encodeBatch, encodeChunk } from '../journal/batch-encode.ts';
import type { Batch } from '../journal/journal.ts';
import { LmdbJournal } from '../journal/journal-lmdb.ts';
import { createAuthority, issueCertificate } from './authority.ts';
import type { Identity } from './authority.ts';
import { accepted, PeerConnection } from './client.ts';
import type { PeerOptions } from './client.ts';
import { Puller } from './puller.ts';
import type { PullerOptions } from './puller.ts';
import { LinkServer } from './server.ts';

let folder: string;
let authority: Identity;
let server: LinkServer;
let port: number;
let source: LmdbJournal;
let end = 0n;
const acks: bigint[] = [];
const left = new Set<string>();
/** Of a test that failed, too: what pulls on would keep the process. */
const stops: (() => Promise<void>)[] = [];

function nextBatch(size: number, stream?: { xid: number; chunks: number }): Batch {
  const previous = end;
  end += 10n;
  return encodeBatch({
    ...{ origin: 1, incarnation: 1, previous, last: end, time: 0n, transactions: 1, changes: 0 },
    ...{ knowledge: new Map(), relations: [], body: size === 0 ? Buffer.alloc(0) : change(size) },
    ...(stream === undefined ? {} : { stream: { ...stream, aborted: [] } }),
  });
}

/** An insert of so many bytes. */
function change(size: number, fill = 0): Buffer {
  const head = Buffer.from([CHANGE.insert, 0, 0, 0, 0]);
  head.writeUInt32BE(size, 1);
  return Buffer.concat([head, Buffer.alloc(size, fill)]);
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'crp-link-'));
  authority = await createAuthority('g');
  source = LmdbJournal.open({ path: join(folder, 'source'), quotaBytes: 2 ** 30 });
  server = new LinkServer({
    ...{ self: 1, journal: source, authority: authority.certificate },
    ...{ host: '127.0.0.1', port: 0 },
    identity: await issueCertificate(authority, { group: 'g', name: 'a' }),
    modelHash: () => 'm:h1',
    onAck: (ack) => void acks.push(ack.durable),
    isOver: ({ peer }) => left.has(peer),
    silentBeats: 2,
    checkMember: async (name) => {
      if (left.has(name)) throw new AppError('MEMBER_LEFT', `${name} has left`);
    },
    log: silentLog(),
  });
  port = await server.listen();
});

after(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await server.close();
  await source.close();
  rmSync(folder, { recursive: true });
});

interface Peer {
  puller: Puller;
  journal: LmdbJournal;
  stop: () => Promise<void>;
}

async function pull(
  name: string,
  change: Partial<PullerOptions & PeerOptions> = {},
): Promise<Peer> {
  const journal = LmdbJournal.open({ path: join(folder, name), quotaBytes: 2 ** 30 });
  const connection = {
    ...{ peer: { name: 'a', host: '127.0.0.1', port }, group: 'g' },
    authority: authority.certificate,
    identity: await issueCertificate(authority, { group: 'g', name: 'b' }),
    ...change,
  };
  const puller = new Puller({
    ...{ connection: () => connection, origin: 1, journal },
    ...{ modelHash: () => 'm:h1', applied: () => 0n, log: silentLog() },
    ...change,
  });
  const abort = new AbortController();
  const running = puller.run(abort.signal);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    abort.abort();
    stopped ??= running.then(() => journal.close());
    return stopped;
  };
  stops.push(stop);
  return { puller, journal, stop };
}

test('batches and chunks arrive in order and are acknowledged when durable', async () => {
  await source.append(nextBatch(100));
  const { journal, stop } = await pull('plain');
  await source.append(nextBatch(300_000));
  for (let number = 0; number < 3; number++) {
    const bytes = encodeChunk([], Buffer.concat([Buffer.alloc(4), change(1000, number)]));
    await source.appendChunk({ origin: 1, xid: 9, number, bytes });
  }
  await source.append(nextBatch(0, { xid: 9, chunks: 3 }));
  await eventually('all is there', () => journal.durable(1) === end);
  const chunks = [...journal.chunks(1, 9, 0)].map(({ bytes }) => bytes.at(-1));
  assert.deepEqual(chunks, [0, 1, 2]);
  await eventually('it is acknowledged', () => acks.includes(end));
  await stop();
});

test('a link that is cut again and again loses nothing', async () => {
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    const upstream = tcp(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      // A pipe that was reset leaves its end open, and the server would go on to serve it.
      one.once('close', () => other.destroy());
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const proxyPort = (proxy.address() as { port: number }).port;
  const peer = { name: 'a', host: '127.0.0.1', port: proxyPort };
  const { journal, stop } = await pull('cut', { peer });
  for (let round = 0; round < 5; round++) {
    // An append settles when the journal was synced, which it is twice a second.
    const added = Array.from({ length: 20 }, () => source.append(nextBatch(100_000)));
    await Promise.all(added);
    const seen = journal.position(1);
    await eventually('something arrives', () => journal.position(1) > seen || seen === end);
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  }
  await eventually('all is there', () => journal.durable(1) === end);
  await stop();
  proxy.close();
  assert.equal(journal.position(1), source.position(1));
});

test('a link over which nothing comes any more is noticed, though it can be written to, and made again', async () => {
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port });
  const peer = { name: 'a', host: '127.0.0.1', port: proxy.port };
  const identity = await issueCertificate(authority, { group: 'g', name: 'c' });
  const { puller, journal, stop } = await pull('stalled', { peer, identity, stallMs: 3000 });
  await eventually('it is connected', () => puller.status().state === 'connected');
  proxy.set('stalled');
  await eventually('it is noticed', () => puller.status().lastError?.code === 'LINK_STALLED');
  await eventually('it is noticed at the other end', () => !server.serves('c'));
  proxy.set('open');
  await source.append(nextBatch(100));
  await eventually('all is there', () => journal.durable(1) === end);
  await stop();
  await proxy.close();
});

test('an answer to a site that is gone without a word ends', async () => {
  let ended = false;
  const answering = new LinkServer({
    ...{ self: 1, journal: source, authority: authority.certificate },
    ...{ host: '127.0.0.1', port: 0, pingMs: 30 },
    identity: await issueCertificate(authority, { group: 'g', name: 'a' }),
    ...{ modelHash: () => 'm:h1', onAck: () => undefined, log: silentLog() },
    routes: new Map([
      [
        '/copy',
        async (stream, { signal }) => {
          stream.respond({ ':status': 200 });
          await once(signal, 'abort');
          ended = true;
        },
      ],
    ]),
  });
  const proxy = await TcpProxy.start({ host: '127.0.0.1', port: await answering.listen() });
  const connection = await PeerConnection.open({
    ...{ peer: { name: 'a', host: '127.0.0.1', port: proxy.port }, group: 'g' },
    authority: authority.certificate,
    identity: await issueCertificate(authority, { group: 'g', name: 'b' }),
  });
  const stream = connection.request({ ':path': '/copy' });
  await accepted(stream, 'a');
  assert.equal(ended, false);
  proxy.set('stalled');
  await eventually('it is noticed', () => ended);
  connection.close();
  await proxy.close();
  await answering.close();
});

/** Of a member whose program is broken. */
const BROKEN: [what: string, origin: number, body: Buffer][] = [
  ['has no end', 11, Buffer.from([CHANGE.insert, 0, 0, 0, 9, 1])],
  ['has what is no change', 12, Buffer.from([1, 0, 0, 0, 0])],
  ['ends in the head of a change', 13, Buffer.from([CHANGE.insert, 0])],
];

for (const [what, origin, body] of BROKEN) {
  test(`a batch that ${what} is refused before anything says that it is here`, async () => {
    await source.append(
      encodeBatch({
        ...{ origin, incarnation: 1, previous: 0n, last: 10n, time: 0n },
        ...{ transactions: 1, changes: 1, knowledge: new Map(), relations: [], body },
      }),
    );
    const { puller, journal, stop } = await pull(`broken ${origin}`, { origin });
    await eventually('it is refused', () => puller.status().lastError?.code === 'BATCH_DAMAGED');
    assert.equal(journal.position(origin), 0n);
    await stop();
  });
}

test('a pull of what is no site is refused, and nothing of it is noted', async () => {
  const identity = await issueCertificate(authority, { group: 'g', name: 'b' });
  const peer = { name: 'a', host: '127.0.0.1', port };
  const connection = await PeerConnection.open({
    ...{ peer, group: 'g', authority: authority.certificate, identity },
  });
  const before = source.origins();
  const wrong: [origin: string, after: string, time: string][] = [
    ...['x', '', '0', '2048', '1.5', 'Infinity'].map(
      (one) => [one, '0', '0'] as [string, string, string],
    ),
    ...['-1', '', '0x1'].map((one) => ['1', one, '0'] as [string, string, string]),
    ['1', '0', 'now'],
  ];
  for (const [origin, after, time] of wrong) {
    const stream = connection.request({
      ...{ ':path': '/v1/pull', 'crp-models': 'm:h1' },
      ...{ 'crp-origin': origin, 'crp-after': after, 'crp-after-time': time },
    });
    await assert.rejects(accepted(stream, 'a'), { code: 'LINK_PROTOCOL' });
  }
  assert.deepEqual(source.origins(), before);
  connection.close();
});

test('a certificate of another group is refused', async () => {
  const other = await createAuthority('g');
  const identity = await issueCertificate(other, { group: 'g', name: 'b' });
  const { puller, journal, stop } = await pull('foreign', { identity });
  await eventually('it failed', () => puller.status().lastError?.code !== undefined);
  assert.match(puller.status().lastError!.code!, /CERT|SELF_SIGNED|LINK_CLOSED|ECONNRESET/);
  assert.equal(journal.position(1), 0n);
  await stop();
});

test('a site that answers at the address of another one is refused', async () => {
  const peer = { name: 'c', host: '127.0.0.1', port };
  const { puller, stop } = await pull('wrong', { peer });
  await eventually('it failed', () => puller.status().lastError?.code === 'LINK_PEER');
  await stop();
});

test('whatever else answers at a peer’s address is told from a site of another group', async () => {
  const other = await createAuthority('other');
  const { certificate, key } = await issueCertificate(other, { group: 'other', name: 'a' });
  const plain = createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const terminating = createTlsServer({ cert: certificate, key });
  const identity = await issueCertificate(authority, { group: 'g', name: 'b' });
  for (const [listener, code, message] of [
    [plain, 'LINK_PEER', /^What answers for a at 127\.0\.0\.1:\d+ is no agent/],
    [terminating, 'LINK_CERTIFICATE', /^What answers for a at .* has no certificate of this group/],
  ] as const) {
    listener.on('tlsClientError', () => undefined);
    listener.on('connection', (socket: Socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const peer = { name: 'a', host: '127.0.0.1', port: (listener.address() as AddressInfo).port };
    const opened = PeerConnection.open({
      ...{ peer, identity, group: 'g', authority: authority.certificate },
    });
    await assert.rejects(opened, { code, message });
    await new Promise((resolve) => listener.close(resolve));
  }
});

test('a site with another revision of a model gets no data and a clear message', async () => {
  const { puller, journal, stop } = await pull('models', { modelHash: () => 'm:h2' });
  await eventually('it failed', () => puller.status().lastError?.code === 'MODEL_MISMATCH');
  assert.match(
    puller.status().lastError!.message,
    /other revision of m.*Take the same revision at both sites/s,
  );
  assert.equal(journal.position(1), 0n);
  await stop();
});

test('a site that leaves the group while it pulls gets nothing more, and is told at the next try', async () => {
  await eventually('the links of other tests are gone', () => !server.serves('b'));
  const { puller, journal, stop } = await pull('leaving');
  await eventually('it is connected', () => server.serves('b'));
  left.add('b');
  await eventually('it is told', () => puller.status().lastError?.code === 'MEMBER_LEFT');
  assert.match(puller.status().lastError!.message, /b has left.*joins afresh, under another name/s);
  const before = journal.position(1);
  await source.append(nextBatch(100));
  await eventually('it tried again', () => puller.status().state === 'retrying');
  assert.equal(journal.position(1), before);
  await eventually('it is served no more', () => !server.serves('b'));
  await stop();
});

test('the server ends though a peer is in the middle of its handshake', async () => {
  const closing = new LinkServer({
    ...{ self: 1, journal: source, authority: authority.certificate },
    ...{ host: '127.0.0.1', port: 0 },
    identity: await issueCertificate(authority, { group: 'g', name: 'a' }),
    ...{ modelHash: () => 'm:h1', onAck: () => undefined, log: silentLog() },
  });
  const socket = tcp(await closing.listen(), '127.0.0.1');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  // The first byte of a TLS handshake record (RFC 8446, 5.1).
  socket.write(Buffer.from([0x16]));
  await closing.close();
  await closed;
});

test('a certificate that has expired is told as that, not as one of another group', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2010, 0, 1) });
  const identity = await issueCertificate(authority, { group: 'g', name: 'a' });
  context.mock.timers.reset();
  const old = new LinkServer({
    ...{ self: 1, journal: source, authority: authority.certificate, identity },
    ...{ host: '127.0.0.1', port: 0 },
    ...{ modelHash: () => 'm:h1', onAck: () => undefined, log: silentLog() },
  });
  const peer = { name: 'a', host: '127.0.0.1', port: await old.listen() };
  const { puller, stop } = await pull('expired', { peer });
  await eventually('it is told', () => puller.status().lastError?.code === 'LINK_CERTIFICATE');
  assert.match(
    puller.status().lastError!.message,
    /of a is not valid now: CERT_HAS_EXPIRED.*clock/s,
  );
  await stop();
  await old.close();
});
