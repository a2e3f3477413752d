import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import { askAgent } from '../../../src/site/agent/control.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { Ledger } from '../../support/ledger.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites } from '../../support/site-group.ts';

/** The leases, and hosts that belong to the site that inserted them. */
const MODEL: Model = {
  ...LEASES,
  entities: [
    ...LEASES.entities,
    {
      ...{ name: 'host', path: '/leases/host', tombstone: 'host_tombstone', key: ['name'] },
      table: { schema: 'leases', name: 'host' },
      columns: [
        { name: 'name', path: 'name', type: 'text', notNull: true },
        { name: 'note', path: 'note', type: 'text', notNull: false, group: 'row' },
      ],
      ...{ uniques: [], references: [], checks: [], ownership: { kind: 'site' } },
      groups: [{ name: 'row', stamp: '_crp_row', columns: ['note'], method: 'latest-timestamp' }],
    },
  ],
};

/** Between two writes of a site: the sites and their server share a small machine. */
const PAUSE_MS = 5;

let server: TestServer;
let one: AgentSite;
let two: AgentSite;
let three: AgentSite;
let four: AgentSite | undefined;
let five: AgentSite | undefined;
let ledgers: Ledger[] = [];

const join = async (name: string, number: number): Promise<AgentSite> => {
  const adminUrl = await server.createDatabase(name);
  const site = await AgentSite.join(await one.invite(name, number), { adminUrl });
  await site.up();
  return site;
};

before(async () => {
  server = await startServer(18);
  one = await AgentSite.init('one', { adminUrl: await server.createDatabase('one'), model: MODEL });
  await one.up();
  two = await join('two', 2);
  three = await join('three', 3);
});

after(async () => {
  for (const ledger of ledgers) ledger.stop();
  for (const site of [one, two, three, four, five]) await site?.remove();
  await server?.remove();
});

const rows = async (site: AgentSite, where = 'true'): Promise<number> =>
  (await site.sql.query(`SELECT FROM leases.lease WHERE ${where}`)).rowCount ?? 0;

/** One text out of a site's database, as its agent sees it. */
const value = (site: AgentSite, text: string): Promise<string> =>
  withConnection(site.config.database.url, 'test', async (client) => {
    const found = await client.query<{ v: string }>(text);
    return found.rows[0]!.v;
  });

const members = (site: AgentSite): Promise<string> =>
  value(site, `SELECT string_agg(name || ' ' || state, ', ' ORDER BY number) AS v FROM crp.member`);

const slot = async (name: string): Promise<string> =>
  value(
    one,
    `SELECT count(*)::text AS v FROM pg_replication_slots WHERE slot_name = 'crp_test_${name}'`,
  );

const equal = (...sites: AgentSite[]): Promise<void> => equalSites(sites, [MODEL]);

const tombstones = (site: AgentSite): Promise<string> =>
  value(site, 'SELECT count(*)::text AS v FROM crp.lease_tombstone');

/** The journal keeps nothing for anybody, and all peers are members. */
const emptied = (site: AgentSite): Promise<void> =>
  eventually(`the journal of ${site.config.site} is empty`, async () => {
    const { journal, peers } = await site.status();
    return journal.batches === 0 && peers.every(({ link }) => link === 'connected');
  });

test('a site leaves while a member is down: it is refused with what to do, and the site goes on as before', async () => {
  await two.end('SIGTERM');
  await three.sql.query('INSERT INTO leases.lease (address) SELECT generate_series(1, 50)');
  const refused = await cli('leave', '--dir', three.dir);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^syncline: Site "two" cannot be reached \[LEAVE_UNREACHABLE\]\n {2}hint: .*leave --without two.*remove two/,
  );
  await assert.rejects(askAgent(three.dir, 'leave', { argument: 'nobody' }), {
    ...{ code: 'MEMBER_UNKNOWN', message: 'Site "nobody" is no other member of the group' },
    hint: 'The others are one, two',
  });
  await two.up();
  await eventually('two has the rows', async () => (await rows(two)) === 50);
  assert.equal(await members(three), 'one active, two active, three active');
});

test('a site leaves while all write: what it wrote before is at the others, what it writes after is its own', async () => {
  await three.sql.query(`INSERT INTO leases.host VALUES ('h', 'of three')`);
  await eventually('one has the host', async () => {
    return (await one.sql.query('SELECT FROM leases.host')).rowCount === 1;
  });
  await assert.rejects(
    one.sql.query(`UPDATE leases.host SET note = 'x'`),
    /belongs to site "three"/,
  );
  const sites = [one, two, three];
  ledgers = sites.map((_, index) => new Ledger(1_000_001 + index * 1_000_000));
  const writing = ledgers.map((ledger, index) =>
    ledger.write(sites[index]!.config.database.serviceUrl, PAUSE_MS),
  );
  const [own] = ledgers.slice(2);
  await own!.more(50);
  const before = new Map(own!.acknowledged);
  const left = await cli('leave', '--dir', three.dir, '--database', three.adminUrl);
  assert.equal(left.code, 0, left.stderr);
  assert.match(left.stdout, /"three" has left group "test"; everything is at one, two\./);
  const stopped = Number(/Writers waited ([\d.]+) s/.exec(left.stdout)?.[1]);
  // A second or two where nothing else runs; what has to be is an end.
  assert.ok(stopped < 120, `writers waited ${stopped} s`);
  await own!.more(20);
  for (const ledger of ledgers) ledger.stop();
  await Promise.all(writing);

  await equal(one, two);
  for (const site of [one, two]) {
    for (const ledger of ledgers.slice(0, 2)) assert.deepEqual(await ledger.missing(site.sql), []);
  }
  // Of its own writes, one after the other, the others have all up to the moment when it left.
  const all = `SELECT string_agg(note, ',' ORDER BY address) AS v FROM leases.lease WHERE address > 3000000`;
  const numbers = async (site: AgentSite): Promise<number[]> =>
    (await value(site, all)).split(',').map((note) => Number(note.slice('note '.length)));
  const last = Math.max(...(await numbers(one)));
  assert.ok(last >= Math.max(...[...before.values()].map((note) => Number(note.slice(5)))));
  assert.ok(last < Math.max(...(await numbers(three))), 'its service goes on');
  const missing = await own!.missing(one.sql);
  const early = missing.filter(
    (address) => Number(own!.acknowledged.get(address)!.slice(5)) <= last,
  );
  assert.deepEqual(early, []);
});

test('a site that has left is on its own: nothing is recorded, held back or refused, and it does not start again', async () => {
  assert.equal(await slot('three'), '0');
  const origins = `SELECT count(*)::text AS v FROM pg_replication_origin WHERE roname LIKE 'crp\\_three\\_%'`;
  assert.equal(await value(one, origins), '0');
  const recorded = await tombstones(three);
  await three.sql.query('DELETE FROM leases.lease WHERE address <= 50');
  await three.sql.query('INSERT INTO leases.lease (address) VALUES (1)');
  await three.sql.query(`UPDATE leases.lease SET note = 'mine', renewals = 3 WHERE address = 1`);
  await three.sql.query(`UPDATE leases.host SET note = 'still mine'`);
  assert.equal(await tombstones(three), recorded);
  await assert.rejects(three.sql.query('INSERT INTO leases.lease (address) VALUES (0)'), /check/);
  const again = await cli('up', '--dir', three.dir);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /Site "three" has left the group[\s\S]*another name/);
  const twice = await cli('leave', '--dir', three.dir);
  assert.equal(twice.code, 0, twice.stderr);
  assert.match(twice.stdout, /has left[\s\S]*DROP TRIGGER IF EXISTS zz_crp_tombstone/);
});

test('the others wait for it no more: its rows are free, its name and number stay its own', async () => {
  const places = `SELECT count(*)::text AS v FROM pg_replication_origin WHERE roname ~ '^crp_(one|two)_3(_|$)'`;
  await eventually(
    'its replication origins are free',
    async () => (await value(one, places)) === '0',
  );
  assert.equal(await members(one), 'one active, two active, three left');
  await one.sql.query(`UPDATE leases.host SET note = 'free'`);
  await two.sql.query('DELETE FROM leases.lease WHERE address <= 50');
  await equal(one, two);
  assert.equal(await rows(one, 'address <= 50'), 0);
  const named = await cli('invite', 'three', '--dir', one.dir);
  assert.match(named.stderr, /"three" was a member of the group and has left[\s\S]*another one/);
  const numbered = await cli('invite', 'four', '--number', '3', '--dir', one.dir);
  assert.match(numbered.stderr, /Another member has the number 3/);
  const invited = await cli('invite', 'four', '--dir', one.dir);
  assert.equal((JSON.parse(invited.stdout) as { number: number }).number, 4);
  four = await join('four', 4);
  await equal(one, two, four);
});

test('a site that is up, this site and a stranger are not removed', async () => {
  const refused = (name: string, message: RegExp): Promise<void> =>
    assert.rejects(askAgent(one.dir, 'remove', { argument: name }), { message });
  const unknown = await cli('remove', 'nobody', '--dir', one.dir);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /"nobody" is no member of the group[\s\S]*are one, two, four$/m);
  await refused('three', /"three" has left the group already/);
  await refused('one', /"one" is this site itself/);
  await refused('two', /"two" is up: this site is connected/);
  // Nobody reaches it, but it reaches the others; then all but this site.
  two.proxy.set('cut');
  const link = async (): Promise<string | undefined> =>
    (await one.status()).peers.find(({ name }) => name === 'two')?.link;
  await eventually('one does not reach two', async () => (await link()) === 'retrying');
  await refused('two', /"two" is up: this site is connected/);
  one.proxy.set('cut');
  await eventually('two does not reach one', async () => {
    const { peers } = await two.status();
    return peers.find(({ name }) => name === 'one')?.link === 'retrying';
  });
  await refused('two', /"two" is up: site "four" is connected/);
  for (const site of [one, two]) site.proxy.set('open');
  await equal(one, two, four!);
});

test('of a site that is gone for good, what one member has reaches all; nobody waits for it any more', async () => {
  await four!.end('SIGKILL');
  await two.sql.query('INSERT INTO leases.lease (address) SELECT generate_series(9001, 9300)');
  await two.sql.query('DELETE FROM leases.lease WHERE address > 2000000 AND address <= 2000010');
  await eventually(
    'one has the tail',
    async () => (await rows(one, 'address BETWEEN 9001 AND 9300')) === 300,
  );
  await eventually(
    'and the deletes',
    async () => (await rows(one, 'address BETWEEN 2000001 AND 2000010')) === 0,
  );
  await two.end('SIGKILL');
  let removed = await cli('remove', 'two', '--dir', one.dir);
  // Refused as long as it is taken to be up.
  await eventually('two is removed', async () => {
    if (removed.code !== 0) removed = await cli('remove', 'two', '--dir', one.dir);
    return removed.code === 0;
  });
  assert.match(
    removed.stdout,
    /"two" is no member of group "test" any more\.\nNot reached.*: four/,
  );
  // Made with knowledge of the tail: four must not apply it before.
  await one.sql.query(`UPDATE leases.lease SET note = 'seen' WHERE address BETWEEN 9001 AND 9300`);
  await four!.up();
  await eventually('four has the tail', async () => (await rows(four!, `note = 'seen'`)) === 300);
  await equal(one, four!);
  assert.equal(await members(four!), 'one active, two left, three left, four active');
  await four!.sql.query('DELETE FROM leases.lease WHERE address BETWEEN 9001 AND 9300');
  for (const site of [one, four!]) {
    await emptied(site);
    assert.equal((await site.status()).peers.length, 1);
    await eventually('tombstones are collected', async () => (await tombstones(site)) === '0');
  }
});

test('a removed site that comes back is told so and is not let in; it leaves by itself then', async () => {
  const before = await rows(one);
  await two.up();
  await two.sql.query('INSERT INTO leases.lease (address) VALUES (9999)');
  await eventually('two is told', async () => (await two.status()).dismissedBy.length === 2);
  const { stdout } = await cli('status', '--dir', two.dir);
  assert.match(stdout, /^removed +says one, four: .*syncline leave.*another name$/m);
  for (const peer of (await two.status()).peers.filter(({ link }) => link !== 'left')) {
    assert.equal(peer.link, 'retrying');
    assert.match(
      peer.lastError?.message ?? '',
      /has left the group, or was removed[\s\S]*invite NAME/,
    );
  }
  assert.deepEqual(
    (await one.status()).peers.map(({ name }) => name),
    ['four'],
  );
  await one.sql.query('INSERT INTO leases.lease (address) VALUES (9998)');
  await eventually('four has it', async () => (await rows(four!, 'address = 9998')) === 1);
  assert.equal(await rows(two, 'address = 9998'), 0);
  assert.equal(await rows(one), before + 1);
  const left = await cli('leave', '--dir', two.dir, '--database', two.adminUrl);
  assert.equal(left.code, 0, left.stderr);
  assert.match(left.stdout, /has left.*It was removed before, says one, four/);
  assert.equal(await slot('two'), '0');
  assert.equal(await rows(two, 'address = 9999'), 1);
});

test('a site leaves without a member that is down: that one gets everything from the others when it is up', async () => {
  five = await join('five', 5);
  await four!.end('SIGKILL');
  await five.sql.query('INSERT INTO leases.lease (address) SELECT generate_series(8001, 8200)');
  const left = await cli('leave', '--without', 'four', '--dir', five.dir);
  assert.equal(left.code, 0, left.stderr);
  assert.match(left.stdout, /everything is at one\./);
  assert.equal(await rows(one, 'address BETWEEN 8001 AND 8200'), 200);
  await one.sql.query(`UPDATE leases.lease SET note = 'after' WHERE address BETWEEN 8001 AND 8200`);
  await four!.up();
  await eventually('four has all of it', async () => (await rows(four!, `note = 'after'`)) === 200);
  await equal(one, four!);
  assert.match(await members(four!), /five left/);
});
