import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { eventually } from '../../test/support/pair.ts';
import { LmdbJournal } from '../journal/journal-lmdb.ts';
import { MAX_STREAMS } from './admission.ts';
import { createAuthority, issueCertificate } from './authority.ts';
import type { Identity } from './authority.ts';
import { PeerConnection } from './client.ts';
import { LinkServer } from './server.ts';
import type { Route } from './server.ts';

const folder = mkdtempSync(join(tmpdir(), 'crp-admission-'));
const lines: { msg: string }[] = [];
const answer: Route = (stream) => {
  stream.respond({ ':status': 200 });
  stream.end('{}');
  return Promise.resolve();
};

let authority: Identity;
let journal: LmdbJournal;
let server: LinkServer;
let port: number;

before(async () => {
  authority = await createAuthority('g');
  journal = LmdbJournal.open({ path: join(folder, 'journal'), quotaBytes: 2 ** 20 });
  server = new LinkServer({
    ...{ self: 1, journal, authority: authority.certificate, host: '127.0.0.1', port: 0 },
    identity: await issueCertificate(authority, { group: 'g', name: 'a' }),
    ...{ modelHash: () => '', onAck: () => undefined },
    routes: new Map([['/answer', answer]]),
    limits: { unknownOfAddress: 3, unknown: 5, ofPeer: 2 },
    log: pino({}, { write: (line) => void lines.push(JSON.parse(line) as { msg: string }) }),
  });
  port = await server.listen();
});

after(async () => {
  await server.close();
  await journal.close();
  rmSync(folder, { recursive: true });
});

/** What the log says of refused connections. */
const refusals = (why: RegExp): string[] =>
  lines.filter(({ msg }) => why.test(msg)).map((line) => JSON.stringify(line));

async function open(name: string): Promise<PeerConnection> {
  const identity = await issueCertificate(authority, { group: 'g', name });
  const peer = { name: 'a', host: '127.0.0.1', port };
  return PeerConnection.open({ peer, group: 'g', authority: authority.certificate, identity });
}

/** A connection of a member that is answered; it is made again until it is let in. */
async function answered(name: string): Promise<PeerConnection> {
  let found: PeerConnection | undefined;
  await eventually(`${name} is let in`, async () => {
    const connection = await open(name).catch(() => undefined);
    const said = await connection?.call('/answer', {}).catch(() => undefined);
    if (said === undefined) connection?.close();
    else found = connection;
    return said !== undefined;
  });
  return found!;
}

/** Somebody who connects and says nothing. */
async function stranger(localAddress: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

const isLinux = process.platform === 'linux';

test(
  'who shows no certificate keeps nobody out, and uses up few sockets',
  { skip: !isLinux },
  async () => {
    const first = await Promise.all([1, 2, 3].map(() => stranger('127.0.0.2')));
    for (const _ of [1, 2]) await once((await stranger('127.0.0.2')).resume(), 'close');
    const refused = refusals(/of one address .* new ones are refused/);
    assert.equal(refused.length, 1, 'a line for all');
    assert.match(refused[0]!, /"address":"127\.0\.0\.2","connections":3,"refused":1/);
    // Of another address.
    (await answered('b')).close();
    const more = await Promise.all([1, 2].map(() => stranger('127.0.0.3')));
    await once((await stranger('127.0.0.4')).resume(), 'close');
    assert.equal(refusals(/^too many connections have shown no certificate/).length, 1);
    for (const socket of [...first, ...more]) socket.destroy();
    (await answered('b')).close();
  },
);

test('a member has so many connections, and others have theirs', async () => {
  const both = [await answered('c'), await answered('c')];
  const third = await open('c').catch((error: unknown) => error);
  if (third instanceof PeerConnection) {
    await assert.rejects(third.call('/answer', {}));
    third.close();
  }
  await eventually('it is logged', () => refusals(/^a member has too many/).length === 1);
  assert.match(refusals(/^a member/)[0]!, /"peer":"c","connections":2/);
  (await answered('d')).close();
  both[0]!.close();
  (await answered('c')).close();
  both[1]!.close();
});

test('a connection has so many requests at a time', async () => {
  const { certificate: cert, key } = await issueCertificate(authority, { group: 'g', name: 'e' });
  const session = connectHttp(`https://127.0.0.1:${port}`, {
    ...{ ca: authority.certificate, cert, key, checkServerIdentity: () => undefined },
  });
  const [settings] = (await once(session, 'remoteSettings')) as [{ maxConcurrentStreams: number }];
  assert.equal(settings.maxConcurrentStreams, MAX_STREAMS);
  session.destroy();
});
