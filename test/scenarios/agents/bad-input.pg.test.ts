import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli, refused } from '../../support/agents.ts';
import type { CliResult } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

let server: TestServer;
let folder: string;
let model: string;

before(async () => {
  server = await startServer(18);
  folder = mkdtempSync(join(tmpdir(), 'crp-bad-'));
  model = join(folder, 'leases.json');
  writeFileSync(model, JSON.stringify(LEASES));
});

after(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

function init(dir: string, ...args: string[]): Promise<CliResult> {
  return cli('init', '--site', 'one', '--model', model, '--dir', dir, ...args);
}

function occupy(): Promise<{ port: number; blocker: Server }> {
  const blocker = createServer();
  return new Promise((resolve) =>
    blocker.listen(0, '127.0.0.1', () =>
      resolve({ port: (blocker.address() as AddressInfo).port, blocker }),
    ),
  );
}

describe('commands', () => {
  test('a database without wal_level=logical is refused, and nothing is left', async () => {
    const plain = await startServer(18, { wal_level: 'replica' });
    try {
      const dir = join(folder, 'plain');
      const dsn = await plain.createDatabase('plain');
      refused(await init(dir, '--database', dsn), 'DATABASE_WAL_LEVEL', /SET wal_level = logical/);
      assert.ok(!existsSync(dir));
      await withConnection(dsn, 'test', async (client) => {
        const { rows } = await client.query(
          `SELECT rolname FROM pg_roles WHERE rolname LIKE 'syncline%'`,
        );
        assert.deepEqual(rows, []);
      });
    } finally {
      await plain.remove();
    }
  });

  test('a role without rights is refused with what it needs', async () => {
    const dsn = await server.createDatabase('norights');
    await withConnection(dsn, 'test', (client) =>
      client.query(`CREATE ROLE weak LOGIN PASSWORD 'weak'`),
    );
    const weak = dsn.replace('postgres:secret', 'weak:weak');
    const result = await init(join(folder, 'weak'), '--database', weak);
    refused(result, 'DATABASE_RIGHTS', /docs\/operating\/roles\.md/);
  });

  test('a database that is not there, or does not answer, is named', async () => {
    const missing = server.dsn('missing');
    refused(
      await init(join(folder, 'm'), '--database', missing),
      'DATABASE_REFUSED',
      /database name/,
    );
    const { port, blocker } = await occupy();
    blocker.close();
    const dead = `postgresql://postgres:secret@127.0.0.1:${port}/x`;
    const result = await init(join(folder, 'd'), '--database', dead);
    refused(result, 'DATABASE_UNREACHABLE', /Is the server running/);
    assert.ok(!result.stderr.includes('secret'));
  });

  test('a database that breaks the connection off is named', async () => {
    const url = new URL(server.dsn('postgres'));
    const proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) });
    const through = `postgresql://postgres:secret@${proxy.address}/postgres`;
    try {
      const asked = withConnection(through, 'test', async (client) => {
        await client.query('SELECT 1');
        proxy.set('cut');
        // The first may see it go, and the second one that it has gone.
        await client.query('SELECT 2').catch(() => undefined);
        await client.query('SELECT 3');
      });
      await assert.rejects(asked, {
        code: 'DATABASE_LOST',
        message: /^The connection to postgres@127\.0\.0\.1:\d+\/postgres broke: ./,
      });
    } finally {
      await proxy.close();
    }
  });

  test('a busy port of the embedded database is named, and nothing is left', async () => {
    const { port, blocker } = await occupy();
    const dir = join(folder, 'busy');
    const result = await init(dir, '--database-port', String(port));
    blocker.close();
    refused(result, 'POSTGRES_START', /port is taken/);
    assert.ok(!existsSync(dir));
  });

  test('a folder without a site, a site that is there already, a file that is no invitation', async () => {
    for (const command of ['up', 'status']) {
      refused(await cli(command, '--dir', join(folder, 'none')), 'SITE_MISSING', /syncline init/);
    }
    const site = await AgentSite.init('taken', {
      adminUrl: await server.createDatabase('taken'),
      model: LEASES,
    });
    try {
      refused(await init(site.dir), 'SITE_EXISTS', /syncline up/);
      refused(await cli('status', '--dir', site.dir), 'AGENT_DOWN', /syncline up/);
      refused(await cli('join', model, '--dir', join(folder, 'j')), 'INVITATION_INVALID', /invite/);
      const again = join(folder, 'again');
      const result = await init(again, '--database', site.adminUrl);
      refused(result, 'DATABASE_TAKEN', /DROP SCHEMA crp/);
      assert.ok(!existsSync(again));
    } finally {
      await site.remove();
    }
  });

  test('an option of the configuration that does not exist is named with those that do', async () => {
    const site = await AgentSite.init('config', {
      adminUrl: await server.createDatabase('config'),
      model: LEASES,
    });
    const file = join(site.dir, 'syncline.yaml');
    try {
      const text = readFileSync(file, 'utf8');
      writeFileSync(file, text.replace('journal:', 'jurnal:'));
      const unknown = await cli('up', '--dir', site.dir);
      refused(unknown, 'CONFIG_INVALID', /unknown option jurnal; known are site, number/);
      writeFileSync(file, text.replace(/quota: .*/, 'quota: lots'));
      const quota = await cli('up', '--dir', site.dir);
      refused(quota, 'CONFIG_INVALID', /journal\.quota must be a whole number with a unit/);
    } finally {
      await site.remove();
    }
  });

  test('an invitation that cannot be made gives no name and no number away', async () => {
    const site = await AgentSite.init('keyless', {
      adminUrl: await server.createDatabase('keyless'),
      model: LEASES,
    });
    try {
      rmSync(join(site.dir, 'tls', 'group.key'));
      const result = await cli('invite', 'next', '--dir', site.dir);
      refused(result, 'NOT_THE_AUTHORITY', /tls\/group\.key/);
      await withConnection(site.adminUrl, 'test', async (client) => {
        const { rows } = await client.query('SELECT name FROM crp.member');
        assert.deepEqual(rows, [{ name: 'keyless' }]);
      });
      const conflict = await cli('conflicts', '7', '--dir', site.dir);
      refused(conflict, 'CONFLICT_UNKNOWN', /syncline conflicts/);
    } finally {
      await site.remove();
    }
  });

  test('options that cannot be are named, and nothing is made', async () => {
    const dir = join(folder, 'options');
    const port = await init(dir, '--database-port', 'x');
    assert.match(port.stderr, /'--database-port <port>'.*1\.\.65535[^]*syncline init --help/);
    assert.equal(port.code, 1);
    refused(await init(dir, '--group', 'A B'), 'GROUP_NAME', /hyphens/);
    refused(await init(dir, '--listen', '0.0.0.0:7480'), 'OPTION_INVALID', /--help/);
    refused(await init(dir, '--journal-quota', '0B'), 'OPTION_INVALID', /--help/);
    assert.ok(!existsSync(dir));
  });

  test('a busy link port and a second agent of one site are refused', async () => {
    const site = await AgentSite.init('port', {
      adminUrl: await server.createDatabase('port'),
      model: LEASES,
    });
    const blocker = createServer();
    try {
      await new Promise<void>((done) => blocker.listen(site.port, '127.0.0.1', done));
      refused(await cli('up', '--dir', site.dir), 'LINK_PORT', /link\.port/);
      await new Promise((done) => blocker.close(done));
      await site.up();
      refused(await cli('up', '--dir', site.dir), 'AGENT_RUNNING', /syncline down/);
    } finally {
      blocker.close();
      await site.remove();
    }
  });
});

describe('between sites', () => {
  test('a site of another group, and one that nobody invited, cannot join', async () => {
    const one = await AgentSite.init('ga', {
      adminUrl: await server.createDatabase('ga'),
      model: LEASES,
    });
    const other = await AgentSite.init('gb', {
      adminUrl: await server.createDatabase('gb'),
      model: LEASES,
    });
    try {
      await one.up();
      const foreign = { ...(await other.invite('gc', 2)), via: (await one.invite('gd', 2)).via };
      const adminUrl = await server.createDatabase('gc');
      await assert.rejects(AgentSite.join(foreign, { adminUrl }), {
        code: /LINK_(CERTIFICATE|UNREACHABLE|CLOSED)/,
      });
      const uninvited = await one.invite('ge', 3);
      await withConnection(one.config.database.url, 'test', (client) =>
        client.query(`DELETE FROM crp.member WHERE name = 'ge'`),
      );
      await assert.rejects(AgentSite.join(uninvited, { adminUrl }), { code: 'NOT_INVITED' });
      await withConnection(adminUrl, 'test', async (client) => {
        const { rows } = await client.query(`SELECT FROM pg_namespace WHERE nspname = 'crp'`);
        assert.equal(rows.length, 0);
      });
    } finally {
      await one.remove();
      await other.remove();
    }
  });

  test('a full journal is reported; when the peer is back everything arrives; while it is away nobody joins', async () => {
    const quotaBytes = 300_000;
    const one = await AgentSite.init('qa', {
      ...{ adminUrl: await server.createDatabase('qa'), model: LEASES, quotaBytes },
    });
    await one.up();
    const invitation = await one.invite('qb', 2);
    const two = await AgentSite.join(invitation, { adminUrl: await server.createDatabase('qb') });
    try {
      for (let at = 0; at < 20; at++) {
        await one.sql.query(
          `INSERT INTO leases.lease SELECT g, NULL, repeat(md5(g::text), 10) FROM generate_series($1::int, $2::int) AS g`,
          [at * 200 + 1, at * 200 + 200],
        );
      }
      await eventually('the journal is full', async () => {
        const { capture } = await one.status();
        return /\[JOURNAL_FULL\][^]*journal\.quota/.test(capture.lastError?.message ?? '');
      });
      await two.up();
      await eventually('all rows are at the other site', async () => {
        const result = await two.sql.query('SELECT FROM leases.lease');
        return result.rowCount === 4000;
      });
      const adminUrl = await server.createDatabase('qc');
      await eventually('the other site has said that it is here', () =>
        withConnection(one.adminUrl, 'test', async (client) => {
          const { rows } = await client.query(
            `SELECT FROM crp.member WHERE name = 'qb' AND state = 'active'`,
          );
          return rows.length === 1;
        }),
      );
      await assert.rejects(AgentSite.join(invitation, { adminUrl }), { code: 'MEMBER_EXISTS' });
      await two.end('SIGTERM');
      await assert.rejects(AgentSite.join(await one.invite('qc', 3), { adminUrl }), {
        ...{ code: 'MEMBER_UNREACHABLE', message: /"qb" cannot be told about "qc": [^\n]*$/ },
        hint: /all members are up/,
      });
      await withConnection(one.adminUrl, 'test', async (client) => {
        const { rows } = await client.query(`SELECT state FROM crp.member WHERE name = 'qc'`);
        assert.deepEqual(rows, [{ state: 'invited' }], 'nothing is kept for it');
      });
    } finally {
      await two.remove();
      await one.remove();
    }
  });

  test('a peer with another model gets no data; with the same model again nothing was lost', async () => {
    const one = await AgentSite.init('ma', {
      adminUrl: await server.createDatabase('ma'),
      model: LEASES,
    });
    await one.up();
    const two = await AgentSite.join(await one.invite('mb', 2), {
      adminUrl: await server.createDatabase('mb'),
    });
    const setHash = (hash: string): Promise<unknown> =>
      withConnection(two.adminUrl, 'test', (client) =>
        client.query('UPDATE crp.model SET hash = $1', [hash]),
      );
    try {
      const { rows } = await withConnection(two.adminUrl, 'test', (client) =>
        client.query<{ hash: string }>('SELECT hash FROM crp.model'),
      );
      await setHash('other');
      await two.up();
      await one.sql.query('INSERT INTO leases.lease (address) VALUES (1)');
      await eventually('the mismatch is in the status', async () => {
        const [peer] = (await two.status()).peers;
        return /MODEL_MISMATCH[^]*syncline adopt/.test(peer?.lastError?.message ?? '');
      });
      assert.equal((await two.sql.query('SELECT FROM leases.lease')).rowCount, 0);
      await two.end('SIGTERM');
      await setHash(rows[0]!.hash);
      await two.up();
      await eventually('the row arrives', async () => {
        const result = await two.sql.query('SELECT FROM leases.lease');
        return result.rowCount === 1;
      });
    } finally {
      await two.remove();
      await one.remove();
    }
  });
});
