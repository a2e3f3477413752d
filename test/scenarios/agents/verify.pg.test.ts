import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import type { VerifyReport } from '../../../src/repair/verify.ts';
import { upsertMember } from '../../../src/site/database/catalog.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const servers: TestServer[] = [];
let ber: AgentSite;
let muc: AgentSite;

before(async () => {
  servers.push(await startServer(18));
  servers.push(hasDebian15() ? await startServer(15) : servers[0]!);
  const [one, two] = servers as [TestServer, TestServer];
  ber = await AgentSite.init('ber', { adminUrl: await one.createDatabase('ber'), model: LEASES });
  await ber.sql.query(
    `INSERT INTO leases.lease (address, hostname) SELECT g, 'host' || g FROM generate_series(1, 20000) AS g`,
  );
  await noCollection(ber);
  await ber.up();
  muc = await AgentSite.join(await ber.invite('muc', 2), {
    adminUrl: await two.createDatabase('muc'),
  });
  await muc.up();
});

after(async () => {
  await muc.remove();
  await ber.remove();
  for (const server of new Set(servers)) await server.remove();
});

/** A member that was never heard of: tombstones are kept for it, which tell a dead row from a lost one. */
async function noCollection(site: AgentSite): Promise<void> {
  const client = await connect(site.adminUrl, 'test');
  await upsertMember(client, {
    ...{ name: 'ham', number: 3, address: null, incarnation: 1, state: 'invited' },
  });
  await client.end();
}

interface Verified {
  report: VerifyReport;
  code: number | null;
}

async function verify(site: AgentSite, ...args: string[]): Promise<Verified> {
  const { code, stdout, stderr } = await cli('verify', '--json', '--dir', site.dir, ...args);
  assert.equal(stderr, '');
  return { code, report: JSON.parse(stdout) as VerifyReport };
}

/** As `kind key → what is done where`, sorted. */
function lines({ differences }: VerifyReport): string[] {
  return differences
    .map(({ kind, key, mend }) => {
      const todo = mend.map(({ site, do: action, groups }) =>
        [site, action, ...groups.map(({ name, from, why }) => `${name}<${from}(${why})`)].join(' '),
      );
      return `${kind} ${key['address']} → ${todo.join(', ')}`;
    })
    .sort();
}

async function asAdmin(site: AgentSite, ...statements: string[]): Promise<void> {
  const client = await connect(site.adminUrl, 'test damage');
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Writes behind the back of everything: no trigger stamps it, and no site is told. */
async function behind(site: AgentSite, ...statements: string[]): Promise<void> {
  const client = await connect(site.adminUrl, 'test damage');
  try {
    await client.query('SET session_replication_role = replica');
    await client.query(`SELECT pg_replication_origin_create('crp_damage') WHERE NOT EXISTS
      (SELECT FROM pg_replication_origin WHERE roname = 'crp_damage')`);
    await client.query(`SELECT pg_replication_origin_session_setup('crp_damage')`);
    for (const statement of statements) await client.query(statement);
    await client.query('SELECT pg_replication_origin_session_reset()');
  } finally {
    await client.end();
  }
}

async function equalDigests(): Promise<void> {
  const clients = await Promise.all(
    [ber, muc].map((site) => connect(site.config.database.url, 'test')),
  );
  try {
    await eventually('the sites are equal', async () => {
      const all = await Promise.all(clients.map((client) => digests(client, [LEASES])));
      return JSON.stringify(all[0]) === JSON.stringify(all[1]);
    });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

async function everywhere(sql: string): Promise<void> {
  await eventually(`at both sites: ${sql}`, async () => {
    const found = await Promise.all([ber, muc].map((site) => site.sql.query(sql)));
    return found.every(({ rowCount }) => rowCount === 1);
  });
}

test('rows under way are not reported while both sites take writes', async (t) => {
  const ledgers = [new Ledger(10_000_000), new Ledger(20_000_000)];
  const writing = [ber, muc].map((site, index) =>
    ledgers[index]!.write(site.config.database.serviceUrl),
  );
  try {
    for (let run = 0; run < 3; run++) {
      await ledgers[0]!.more(100);
      const { code, report } = await verify(run % 2 === 0 ? ber : muc);
      assert.deepEqual([lines(report), report.entities[0]!.unsettled, code], [[], 0, 0]);
      assert.ok(report.rows >= 20_000);
      t.diagnostic(`compared in ${report.seconds} s`);
    }
  } finally {
    for (const ledger of ledgers) ledger.stop();
    await Promise.all(writing);
  }
});

test('each kind of damage is found, shown, and mended at the site that has it', async () => {
  await ber.sql.query('DELETE FROM leases.lease WHERE address IN (7, 8)');
  await muc.sql.query(`UPDATE leases.lease SET note = 'by muc' WHERE address = 5`);
  await ber.sql.query('UPDATE leases.lease SET renewals = 5 WHERE address = 6');
  await everywhere(`SELECT FROM leases.lease WHERE address = 5 AND note = 'by muc'`);
  await everywhere(`SELECT FROM leases.lease WHERE address = 6 AND renewals = 5`);
  const old = `(SELECT birth FROM crp.lease_tombstone WHERE address = 8)`;
  await behind(
    ber,
    `UPDATE leases.lease SET note = 'not by muc' WHERE address = 5`,
    'DELETE FROM leases.lease WHERE address = 3',
    `UPDATE leases.lease SET hostname = 'x' WHERE address = 9`,
  );
  await behind(
    muc,
    'DELETE FROM leases.lease WHERE address = 4',
    `INSERT INTO leases.lease (address, hostname, _crp_birth) VALUES (8, 'undead', ${old})`,
    'UPDATE leases.lease SET renewals = 0, _crp_count = _crp_birth WHERE address = 6',
    `UPDATE leases.lease SET hostname = 'y' WHERE address = 10`,
  );
  const expected = [
    'altered 10 → muc update name<ber(author)',
    'altered 5 → ber update name<muc(author)',
    'altered 9 → muc update name<ber(author)',
    'different 6 → muc update count<ber(stamp)',
    'missing 3 → ber insert',
    'missing 4 → muc insert',
    'resurrected 8 → muc delete',
  ];
  for (const args of [[], ['--dry-run', '--repair']]) {
    const { code, report } = await verify(muc, ...args);
    assert.deepEqual([lines(report), code, report.entities[0]!.repaired], [expected, 1, 0]);
  }
  const { code, report } = await verify(ber, '--repair');
  assert.deepEqual([lines(report), code, report.entities[0]!.repaired], [expected, 0, 7]);
  assert.ok(report.differences.every(({ outcome }) => outcome === 'repaired'));
  await equalDigests();
  const rows = await muc.sql.query<{ address: string; note: string | null; hostname: string }>(
    'SELECT address, hostname, note FROM leases.lease WHERE address IN (4, 5, 8, 9) ORDER BY address',
  );
  assert.deepEqual(rows.rows, [
    { address: '4', hostname: 'host4', note: null },
    { address: '5', hostname: 'host5', note: 'by muc' },
    // Nobody knows better than the site that made the stamp.
    { address: '9', hostname: 'x', note: null },
  ]);
});

test('what was mended is in the list of conflicts with both images, at the site where it changed', async () => {
  const drift = async (site: AgentSite): Promise<unknown[]> => {
    const client: Client = await connect(site.adminUrl, 'test');
    const { rows } = await client.query<Record<string, unknown>>(
      `SELECT key->>'address' AS address, origin_site, local_row->>'note' AS local, remote_row->>'note' AS remote,
         local_row IS NULL AS lost, remote_row IS NULL AS gone
       FROM crp.conflict WHERE type = 'drift' ORDER BY (key->>'address')::integer`,
    );
    await client.end();
    return rows.map((row) => Object.values(row));
  };
  assert.deepEqual(await drift(ber), [
    ['3', 'muc', null, null, true, false],
    ['5', 'muc', 'not by muc', 'by muc', false, false],
  ]);
  assert.deepEqual(await drift(muc), [
    ['4', 'ber', null, null, true, false],
    ['6', 'ber', null, null, false, false],
    ['8', 'ber', null, null, false, true],
    ['9', 'ber', null, null, false, false],
    ['10', 'ber', null, null, false, false],
  ]);
});

test('mended rows are changed and deleted as all others afterwards', async () => {
  await ber.sql.query(`UPDATE leases.lease SET note = 'after' WHERE address IN (3, 4, 5, 6)`);
  await muc.sql.query('UPDATE leases.lease SET renewals = renewals + 1 WHERE address IN (3, 4, 6)');
  await muc.sql.query('DELETE FROM leases.lease WHERE address IN (9, 10)');
  await muc.sql.query(`INSERT INTO leases.lease (address, note) VALUES (8, 'new')`);
  await everywhere(
    `SELECT FROM leases.lease WHERE address = 6 AND note = 'after' AND renewals = 6`,
  );
  await equalDigests();
});

test('thousands of lost rows are mended while both sites take writes', async () => {
  const ledgers = [new Ledger(30_000_000), new Ledger(40_000_000)];
  const writing = [ber, muc].map((site, index) =>
    ledgers[index]!.write(site.config.database.serviceUrl),
  );
  try {
    await behind(ber, 'DELETE FROM leases.lease WHERE address BETWEEN 1001 AND 2500');
    await behind(muc, 'UPDATE leases.lease SET renewals = 99 WHERE address BETWEEN 2001 AND 3500');
    const { code, report } = await verify(ber, '--repair', '--limit', '5');
    const { missing, altered, repaired } = report.entities[0]!;
    assert.deepEqual([missing, altered, repaired, code], [1500, 1000, 2500, 0]);
    assert.equal(report.differences.length, 5);
  } finally {
    for (const ledger of ledgers) ledger.stop();
    await Promise.all(writing);
  }
  await equalDigests();
  for (const site of [ber, muc]) {
    for (const ledger of ledgers) assert.deepEqual(await ledger.missing(site.sql), []);
  }
});

test('an update without stamps that capture ships is found, too: it means nothing to the others', async () => {
  await asAdmin(
    muc,
    'SET session_replication_role = replica',
    `UPDATE leases.lease SET hostname = 'shipped' WHERE address = 12`,
  );
  const { code, report } = await verify(ber, '--repair');
  assert.deepEqual([lines(report), code], [['altered 12 → muc update name<ber(author)'], 0]);
  await equalDigests();
});

test('a row that a constraint forbids is left with the reason, and the others are mended', async () => {
  await asAdmin(
    muc,
    `ALTER TABLE leases.lease ADD CONSTRAINT allowed CHECK (note <> 'forbidden') NOT VALID`,
  );
  await behind(
    ber,
    `UPDATE leases.lease SET note = 'forbidden', _crp_name = _crp_name + 2048 WHERE address = 13`,
    `UPDATE leases.lease SET note = 'fine', _crp_name = _crp_name + 2048 WHERE address = 14`,
  );
  const { code, report } = await verify(muc, '--repair');
  const outcomes = report.differences.map(({ key, outcome }) => `${key['address']} ${outcome}`);
  assert.deepEqual([outcomes.sort(), code], [['13 left', '14 repaired'], 1]);
  assert.match(report.differences.map(({ reason }) => reason).join(''), /^muc: .*"allowed"/);
  await asAdmin(muc, 'ALTER TABLE leases.lease DROP CONSTRAINT allowed');
  assert.equal((await verify(muc, '--repair')).code, 0);
  await equalDigests();
});

test('a person reads a table, a line a row and how fast it went', async () => {
  await behind(muc, `UPDATE leases.lease SET hostname = 'z' WHERE address = 11`);
  const { code, stdout } = await cli('verify', '--repair', '--dry-run', '--dir', ber.dir);
  assert.equal(code, 1);
  assert.match(stdout, /^entity +rows +missing +resurrected +different +altered +repaired/);
  assert.match(stdout, /^lease 11: altered; muc: update name from ber \(author\)$/m);
  assert.match(stdout, /^ber, muc: NOT equal; 1 rows differed; \d+ rows in .* s \(\d+ rows\/s\)$/m);
  assert.equal((await cli('verify', '--repair', '--dir', ber.dir)).code, 0);
});

test('a peer or an entity that is not there is an error with a hint', async () => {
  const peer = await cli('verify', '--peer', 'ham', '--dir', ber.dir);
  assert.match(peer.stderr, /"ham" is no active member.*\n.*There are: muc/);
  const entity = await cli('verify', '--entity', 'nothing', '--dir', ber.dir);
  assert.match(entity.stderr, /There is no entity "nothing".*\n.*There are: lease/);
  muc.proxy.set('cut');
  const cut = await cli('verify', '--dir', ber.dir);
  muc.proxy.set('open');
  assert.deepEqual([peer.code, entity.code, cut.code], [1, 1, 1]);
  assert.match(cut.stderr, /Cannot reach muc/);
});

test('of three sites the value that two have stands, even against the author', async () => {
  const ham = await AgentSite.join(await ber.invite('ham', 3), {
    adminUrl: await servers[0]!.createDatabase('ham'),
  });
  try {
    await ham.up();
    await everyMemberIsActive(ber, 'ham');
    await behind(ber, `UPDATE leases.lease SET hostname = 'odd' WHERE address = 15`);
    await behind(ham, 'DELETE FROM leases.lease WHERE address = 16');
    const two = await verify(ber, '--peer', 'muc', '--entity', 'lease');
    assert.deepEqual(lines(two.report), ['altered 15 → muc update name<ber(author)']);
    const { code, report } = await verify(ber, '--repair');
    assert.deepEqual(report.sites, ['ber', 'muc', 'ham']);
    const expected = ['altered 15 → ber update name<muc(majority)', 'missing 16 → ham insert'];
    assert.deepEqual([lines(report), code], [expected, 0]);
    const { rows } = await ber.sql.query('SELECT hostname FROM leases.lease WHERE address = 15');
    assert.deepEqual(rows, [{ hostname: 'host15' }]);
  } finally {
    await ham.remove();
  }
});

async function everyMemberIsActive(site: AgentSite, name: string): Promise<void> {
  await eventually(`${name} is an active member at ${site.config.site}`, async () => {
    const { peers } = await site.status();
    return peers.some((peer) => peer.name === name && peer.link === 'connected');
  });
}
