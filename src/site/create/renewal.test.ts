import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect } from 'node:tls';
import { AppError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { LmdbJournal } from '../../journal/journal-lmdb.ts';
import { createAuthority, issueCertificate } from '../../link/authority.ts';
import type { Identity } from '../../link/authority.ts';
import { PeerConnection } from '../../link/client.ts';
import { LinkServer } from '../../link/server.ts';
import type { Member } from '../database/catalog.ts';
import { certificateEnds, certificateProblems } from '../config/certificates.ts';
import { siteFolder, writeSecret } from '../config/folder.ts';
import { readIdentity } from './group.ts';
import { OwnCertificates } from './own-certificates.ts';
import { CERTIFICATE_PATH, renewalRoute, renewSite } from './renewal.ts';

const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'crp-renewal-'));
/** Its certificates end in a month or so. */
const made = new Date();
made.setFullYear(made.getFullYear() - 10);
made.setTime(made.getTime() + 30 * DAY_MS);

let authority: Identity;
let journal: LmdbJournal;
let server: LinkServer;
let members: Member[];
/** Names of sites that have left. */
const left = new Set<string>();

/** The folder of a site with certificates that end soon. */
async function site(name: string, keyOf?: Identity): Promise<string> {
  const root = mkdtempSync(join(folder, name));
  const paths = siteFolder(root);
  const identity = await issueCertificate(authority, { group: 'g', name }, made);
  writeSecret(paths.authority, authority.certificate);
  writeSecret(paths.certificate, identity.certificate);
  writeSecret(paths.key, identity.key);
  if (keyOf !== undefined) writeSecret(paths.authorityKey, keyOf.key);
  return root;
}

const named = (name: string): { group: string; name: string } => ({ group: 'g', name });
const none = (): Promise<Member[]> => Promise.resolve([]);
const days = (root: string): number[] => {
  const { site: own, authority: group } = certificateEnds(readIdentity(root));
  return [own.days, group.days];
};

async function serve(root: string): Promise<{ server: LinkServer; port: number }> {
  const checkMember = (name: string): Promise<void> =>
    left.has(name)
      ? Promise.reject(new AppError('MEMBER_LEFT', `${name} has left`))
      : Promise.resolve();
  const made = new LinkServer({
    ...{ self: 1, journal, ...readIdentity(root), host: '127.0.0.1', port: 0, log: silentLog() },
    ...{ modelHash: () => '', onAck: () => undefined },
    routes: new Map([[CERTIFICATE_PATH, renewalRoute({ root, group: 'g', checkMember })]]),
  });
  return { server: made, port: await made.listen() };
}

before(async () => {
  authority = await createAuthority('g', made);
  journal = LmdbJournal.open({ path: join(folder, 'journal'), quotaBytes: 2 ** 20 });
  const served = await serve(await site('one', authority));
  server = served.server;
  const address = `127.0.0.1:${served.port}`;
  members = [
    { name: 'one', number: 1, address, incarnation: 1, state: 'active' },
    { name: 'two', number: 2, address: '127.0.0.1:1', incarnation: 1, state: 'active' },
  ];
});

after(async () => {
  await server.close();
  await journal.close();
  rmSync(folder, { recursive: true });
});

test('certificates that end within 60 days are problems, those that end later are none', async () => {
  const root = await site('two');
  const identity = readIdentity(root);
  const { until } = certificateEnds(identity).site;
  const at = (ahead: number): string[] =>
    certificateProblems(identity, Date.parse(until) - ahead * DAY_MS).map(({ message }) => message);
  assert.deepEqual(at(61), []);
  assert.equal(at(59.5).length, 2);
  assert.match(at(59.5)[1]!, /^the certificate of this site ends in 59 days, at .+ --renew/);
  assert.match(at(-1)[0]!, /^the certificate of the group here ended at/);
});

test('a site that has the key of the group renews itself, its own key stays', async () => {
  const root = await site('three', authority);
  const { key } = siteFolder(root);
  const before = readFileSync(key, 'utf8');
  assert.equal(await renewSite(root, named('three'), none), undefined);
  assert.ok(days(root).every((one) => one > 3_600));
  assert.deepEqual(certificateProblems(readIdentity(root)), []);
  assert.equal(readFileSync(key, 'utf8'), before);
});

test('a site without it is given new ones by the member that has it, and both go on with each other', async () => {
  const root = await site('two');
  assert.equal(await renewSite(root, named('two'), () => Promise.resolve(members)), 'one');
  assert.ok(days(root).every((one) => one > 3_600));
  // The other one has the former certificates still: it is asked again with the new ones, and asks them.
  assert.equal(await renewSite(root, named('two'), () => Promise.resolve(members)), 'one');
  const renewed = await serve(root);
  const peer = { name: 'two', host: '127.0.0.1', port: renewed.port };
  const connection = await PeerConnection.open({
    ...{ peer, group: 'g', ...readIdentity(await site('one')) },
  });
  await assert.rejects(connection.call(CERTIFICATE_PATH, {}), { code: 'NOT_THE_AUTHORITY' });
  connection.close();
  await renewed.server.close();
});

test('a site that has left, or that nobody with the key hears, is told why it gets none', async () => {
  const root = await site('four');
  left.add('four');
  await assert.rejects(
    renewSite(root, named('four'), () => Promise.resolve(members)),
    (error: AppError) =>
      error.code === 'NOT_THE_AUTHORITY' &&
      /one: .*four has left \[MEMBER_LEFT\]; two: Cannot reach two/.test(error.message),
  );
  assert.ok(days(root).every((one) => one < 60));
});

test('the key of another group is refused, and nothing is changed', async () => {
  const root = await site('five', await createAuthority('g'));
  const before = readIdentity(root);
  await assert.rejects(renewSite(root, named('five'), none), { code: 'RENEWAL_INVALID' });
  assert.deepEqual(readIdentity(root), before);
});

/** Until when the certificate is good that a server shows. */
async function shown(port: number, { identity }: ReturnType<typeof readIdentity>): Promise<string> {
  const { certificate: cert, key } = identity;
  const socket = connect({ ...{ port, cert, key }, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { validTo } = socket.getPeerX509Certificate()!;
  socket.destroy();
  return new Date(validTo).toISOString();
}

test('an agent takes new ones while it runs: for new connections, and those that are up stay', async () => {
  const root = await site('six', authority);
  const own = new OwnCertificates(root, silentLog());
  const { server: six, port } = await serve(root);
  const client = readIdentity(await site('two'));
  const peer = { name: 'six', host: '127.0.0.1', port };
  const open = await PeerConnection.open({ peer, group: 'g', ...client });
  assert.equal(own.look(), false);
  assert.equal(await shown(port, client), own.ends().site.until);
  await renewSite(root, named('six'), none);
  assert.equal(own.look(), true);
  six.renew(own.current);
  assert.ok(own.ends().site.days > 3_600);
  assert.equal(await shown(port, client), own.ends().site.until);
  assert.deepEqual(own.problems(), []);
  await open.call(CERTIFICATE_PATH, {});
  open.close();
  await six.close();
});

test('what cannot be right is not taken, and is a problem until it is put back', async () => {
  const root = await site('seven');
  const own = new OwnCertificates(root, silentLog());
  const { key, certificate, authority: group } = siteFolder(root);
  const other = readIdentity(await site('eight'));
  const foreign = await createAuthority('g');
  const wrong: [path: string, text: string, why: RegExp][] = [
    [certificate, '', /are not right: /],
    [certificate, other.identity.certificate, /site.pem is not for site.key/],
    [key, other.identity.key, /site.key is another one/],
    [group, foreign.certificate, /not of the authority in group.pem/],
  ];
  const before = own.current;
  for (const [path, text, why] of wrong) {
    const right = readFileSync(path, 'utf8');
    writeSecret(path, text);
    assert.equal(own.look(), false);
    assert.match(own.problems()[0]!.message, why);
    assert.deepEqual(own.current, before);
    writeSecret(path, right);
    assert.equal(own.look(), false);
    assert.equal(own.problems().length, 2, 'they end soon, no more');
  }
});
