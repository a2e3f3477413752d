import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { LmdbJournal } from '../../journal/journal-lmdb.ts';
import { createAuthority, issueCertificate } from '../../link/authority.ts';
import { PeerConnection } from '../../link/client.ts';
import { INVITED_PATH } from '../../link/requests.ts';
import { LinkServer } from '../../link/server.ts';
import type { Route } from '../../link/server.ts';
import type { Member } from '../database/catalog.ts';
import { siteFolder, writeSecret } from '../config/folder.ts';
import { certificationRoute, certify } from './certification.ts';
import { makeInvitation } from './group.ts';
import type { Invitation } from './group.ts';

const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'crp-invited-'));
let journal: LmdbJournal;
let server: LinkServer;
let via: Invitation['via'];
/** What the member knows of the one that is invited. */
let state: Member['state'] = 'invited';
const number = 7;

type Good = Invitation & { expires: string };

async function invitation(lifetimeMs: number): Promise<Good> {
  const wanted = { group: 'g', site: 'two', via, lifetimeMs };
  const made = await makeInvitation(folder, wanted, () => Promise.resolve(2));
  // The clock of the site that joins is behind.
  return { ...made, expires: new Date(Date.now() + HOUR_MS).toISOString() };
}

async function call(invited: Invitation, path: string): Promise<unknown> {
  const peer = { name: 'one', host: '127.0.0.1', port: Number(via.address.split(':')[1]) };
  const { group, authority, identity } = invited;
  const connection = await PeerConnection.open({ peer, group, authority, identity });
  try {
    return await connection.call(path, {});
  } finally {
    connection.close();
  }
}

before(async () => {
  const authority = await createAuthority('g');
  const identity = await issueCertificate(authority, { group: 'g', name: 'one' });
  const paths = siteFolder(folder);
  writeSecret(paths.authority, authority.certificate);
  writeSecret(paths.authorityKey, authority.key);
  journal = LmdbJournal.open({ path: join(folder, 'journal'), quotaBytes: 2 ** 20 });
  const member = { name: 'two', number, address: null, incarnation: 1 };
  const route = certificationRoute({
    ...{ root: folder, group: 'g' },
    checkMember: () =>
      state === 'left'
        ? Promise.reject(new AppError('MEMBER_LEFT', 'it has left'))
        : Promise.resolve({ ...member, state }),
    numberOf: () => Promise.resolve(['invited', 'joining'].includes(state) ? number : undefined),
  });
  const answer: Route = (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('{}');
    return Promise.resolve();
  };
  server = new LinkServer({
    ...{ self: 1, journal, authority: authority.certificate, identity, log: silentLog() },
    ...{ host: '127.0.0.1', port: 0, modelHash: () => '', onAck: () => undefined },
    routes: new Map([
      [INVITED_PATH, route],
      ['/v1/anything', answer],
    ]),
  });
  via = { name: 'one', address: `127.0.0.1:${await server.listen()}` };
});

after(async () => {
  await server.close();
  await journal.close();
  rmSync(folder, { recursive: true });
});

test('an invitation gets a certificate for a key that is not in it, as often as it is tried, and nothing else', async () => {
  const invited = await invitation(HOUR_MS);
  for (const path of ['/v1/anything', '/v1/pull', '/v1/none']) {
    await assert.rejects(call(invited, path), { code: 'INVITATION_ONLY' });
  }
  const first = await certify(invited);
  const again = await certify(invited);
  assert.equal(first.number, number);
  const keys = [invited, first, again].map(({ identity }) => identity.key);
  assert.equal(new Set(keys).size, 3);
  for (const { identity } of [first, again]) {
    assert.deepEqual(await call({ ...invited, identity }, '/v1/anything'), {});
  }
  // The certificate of a site is renewed, not given for another key.
  await assert.rejects(certify({ ...invited, identity: first.identity }), {
    code: 'LINK_PROTOCOL',
  });
});

test('an invitation that is too old is refused by the member, whatever the clock of the site that joins says', async () => {
  await assert.rejects(certify(await invitation(-1)), {
    code: 'INVITATION_EXPIRED',
    hint: /syncline invite NAME/,
  });
  const old = await invitation(-24 * 8 * HOUR_MS);
  await assert.rejects(certify(old), { code: /^LINK_(CLOSED|CERTIFICATE)$/ });
  const expires = new Date(Date.now() - 1).toISOString();
  await assert.rejects(certify({ ...old, expires }), { code: 'INVITATION_EXPIRED' });
});

test('a site that has joined, or was removed, gets no other certificate by its invitation', async () => {
  const invited = await invitation(HOUR_MS);
  state = 'joining';
  assert.equal((await certify(invited)).number, number);
  state = 'active';
  await assert.rejects(certify(invited), { code: 'MEMBER_EXISTS', hint: /another/ });
  state = 'left';
  await assert.rejects(certify(invited), { code: 'MEMBER_LEFT' });
});
