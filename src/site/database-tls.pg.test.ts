import assert from 'node:assert/strict';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createAuthority, issueCertificate } from '../link/authority.ts';
import { connect, withConnection } from '../postgres/connect.ts';
import { eventually } from '../../test/support/pair.ts';
import { startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';

let server: TestServer;
let dsn: string;

before(async () => {
  server = await startServer(18);
  dsn = await server.createDatabase('secure');
  const authority = await createAuthority('test');
  const { certificate, key } = await issueCertificate(authority, { group: 'test', name: 'db' });
  const { data } = server.cluster.options;
  const { uid, gid } = statSync(data);
  for (const [name, text] of [
    ['server.crt', certificate],
    ['server.key', key],
  ] as const) {
    const file = join(data, name);
    writeFileSync(file, text);
    chmodSync(file, 0o600);
    chownSync(file, uid, gid);
  }
  await withConnection(dsn, 'test', async (client) => {
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
  });
});

after(() => server.remove());

async function isEncrypted(url: string): Promise<boolean> {
  return withConnection(url, 'test', async (client) => {
    const { rows } = await client.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    return rows[0]!.ssl;
  });
}

test('sslmode=require encrypts, and does not look at the certificate, as in libpq', async () => {
  await eventually('the server speaks TLS', () =>
    isEncrypted(`${dsn}?sslmode=require`).catch(() => false),
  );
  assert.equal(await isEncrypted(dsn), false);
});

test('sslmode=verify-full refuses a certificate that nobody known signed, and says what to name', async () => {
  await assert.rejects(connect(`${dsn}?sslmode=verify-full`, 'test'), {
    code: 'DATABASE_CERTIFICATE',
    hint: /sslrootcert=FILE/,
  });
});
