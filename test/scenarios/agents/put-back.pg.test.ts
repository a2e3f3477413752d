import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { notePosition } from '../../../src/capture/confirmation.ts';
import { LmdbJournal } from '../../../src/journal/journal-lmdb.ts';
import { withConnection } from '../../../src/postgres/connect.ts';
import type { SiteStatus } from '../../../src/site/agent/status.ts';
import { AgentSite, cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites } from '../../support/site-group.ts';

/** The server whose data folder is put back; all sites but `one` are on it. */
let shaken: TestServer;
let server: TestServer;
let one: AgentSite;
/** The site that something is done to. */
let two: AgentSite | undefined;
let number = 1;
/** The first row that nobody has written yet. */
let next = 1;

before(async () => {
  [server, shaken] = await Promise.all([startServer(18), startServer(18)]);
  const adminUrl = await server.createDatabase('one');
  one = await AgentSite.init('one', { adminUrl, model: LEASES });
  await one.up();
});

after(async () => {
  for (const site of [one, two]) await site?.remove();
  await server?.remove();
  await shaken?.remove();
});

/** A new site; the one before is taken out of the group, as the operator of one that cannot go on is told. */
async function newSite(): Promise<AgentSite> {
  if (two !== undefined) {
    await two.remove();
    assert.equal((await cli('remove', two.config.site, '--dir', one.dir)).code, 0);
  }
  number += 1;
  const name = `two${number}`;
  const adminUrl = await shaken.createDatabase(name);
  two = await AgentSite.join(await one.invite(name, number), { adminUrl });
  await two.up();
  return two;
}

/** Writes so many rows, each in a transaction. */
const write = (site: AgentSite, rows: number): Promise<void> =>
  withConnection(site.config.database.serviceUrl, 'test', async (client) => {
    for (; rows > 0; rows--) {
      await client.query('INSERT INTO leases.lease (address, note) VALUES ($1, $2)', [next, 'x']);
      next += 1;
    }
  });

/** Settles when the site's slot has let go of all that was written there. */
const confirmed = (site: AgentSite): Promise<void> =>
  withConnection(site.adminUrl, 'test', async (client) => {
    const { rows } = await client.query<{ end: string }>(
      'SELECT pg_current_wal_lsn()::text AS end',
    );
    const isThere = `SELECT confirmed_flush_lsn >= $2::pg_lsn AS there FROM pg_replication_slots WHERE slot_name = $1`;
    await eventually('the slot is confirmed', async () => {
      const values = [`crp_test_${site.config.site}`, rows[0]!.end];
      return (await client.query<{ there: boolean }>(isThere, values)).rows[0]!.there;
    });
  });

const rowsOf = (site: AgentSite): Promise<number> =>
  withConnection(site.config.database.serviceUrl, 'test', async (client) => {
    const { rows } = await client.query<{ n: number }>(
      'SELECT count(*)::integer AS n FROM leases.lease',
    );
    return rows[0]!.n;
  });

const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  execFileSync('cp', ['-a', from, to]);
};
const data = (): string => shaken.cluster.options.data;
const journal = (site: AgentSite): string => join(site.dir, 'journal');

/** Keeps what the site and its server are now. */
async function keep(site: AgentSite): Promise<void> {
  await site.end('SIGTERM');
  await shaken.cluster.stop();
  copy(data(), `${data()}.kept`);
  copy(journal(site), `${data()}.journal`);
  await shaken.cluster.start();
  await site.up();
}

/** Puts it back; the agent is down afterwards. */
async function putBack(
  site: AgentSite,
  what: { database: boolean; journal: boolean },
): Promise<void> {
  await site.end('SIGTERM');
  if (what.journal) copy(`${data()}.journal`, journal(site));
  if (!what.database) return;
  await shaken.cluster.stop('immediate');
  copy(`${data()}.kept`, data());
  await shaken.cluster.start();
}

/** Waits until a site's status says this, and returns it. */
async function says(site: AgentSite, wanted: (status: SiteStatus) => boolean): Promise<SiteStatus> {
  let found: SiteStatus | undefined;
  await eventually(`status of ${site.config.site}`, async () => {
    found = await site.status();
    return wanted(found);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(found)}`);
  });
  return found!;
}

const captureFails = (site: AgentSite, code: string): Promise<SiteStatus> =>
  says(site, ({ capture }) => capture.lastError?.message.includes(`[${code}]`) === true);

/** As a dump in a new server finds it: its WAL is longer than what the site wrote, and ends before the slot was. */
async function noteAhead(site: AgentSite): Promise<void> {
  const kept = LmdbJournal.open({ path: journal(site), quotaBytes: 2 ** 30 });
  await notePosition(kept, 2n ** 50n);
  await kept.close();
}

/** Runs the commands that the message names, and has the sites equal then, with all that any of them had. */
async function recapture(site: AgentSite): Promise<void> {
  await site.end('SIGTERM');
  const done = await cli('recapture', '--dir', site.dir);
  assert.equal(done.code, 0, done.stderr);
  assert.match(done.stdout, /syncline verify --repair/);
  await site.up();
  await write(site, 5);
  await write(one, 5);
  const mended = await cli('verify', '--repair', '--dir', site.dir);
  assert.equal(mended.code, 0, mended.stdout + mended.stderr);
  await equalSites([one, site], [LEASES]);
  assert.equal(await rowsOf(site), next - 1);
}

test('a database that was put back behind its journal is not captured any more, and all is left at the others', async () => {
  const site = await newSite();
  await write(site, 5);
  await keep(site);
  await write(site, 50);
  await equalSites([one, site], [LEASES]);
  await putBack(site, { database: true, journal: false });
  const lost = next;
  // Its WAL is longer than the journal goes by now: other transactions are at those positions.
  await withConnection(site.adminUrl, 'test', async (client) => {
    await client.query('CREATE TABLE noise AS SELECT generate_series(1, 10000) AS n');
  });
  await write(site, 3);
  await site.up();
  const { capture } = await captureFails(site, 'SITE_REWOUND');
  assert.match(capture.lastError!.message, /is not in its WAL.*syncline remove/s);
  assert.equal(await rowsOf(one), lost - 1);
  next = lost;
});

test('a site that was put back whole gives nothing any more as soon as a member says what it had written', async () => {
  const site = await newSite();
  await write(site, 5);
  await keep(site);
  await write(site, 20);
  await equalSites([one, site], [LEASES]);
  await putBack(site, { database: true, journal: true });
  const lost = next;
  one.proxy.set('cut');
  site.proxy.set('cut');
  await site.up();
  // By now it is further than it was, with other transactions.
  await write(site, 40);
  site.proxy.set('open');
  one.proxy.set('open');
  const { rewound } = await says(site, (status) => status.rewound !== undefined);
  assert.equal(rewound!.peer, 'one');
  const printed = await cli('status', '--dir', site.dir);
  assert.match(printed.stdout, /put back {3}one has what this site wrote up to/);
  const refused = await says(one, ({ peers }) =>
    peers.some(({ lastError }) => lastError?.message.includes('[SITE_REWOUND]') === true),
  );
  assert.match(refused.lastError!.message, /syncline remove/);
  assert.equal(await rowsOf(one), lost - 1);
  next = lost;
});

test('a slot that was made again, or a lost journal, is noticed; recapture and verify bring all to all', async () => {
  // What the site before lost is at the others, and reaches the one that takes its place.
  const site = await newSite();
  await equalSites([one, site], [LEASES]);
  assert.equal(await rowsOf(site), next - 1);

  const slot = `crp_test_${site.config.site}`;
  await site.end('SIGTERM');
  await withConnection(site.adminUrl, 'test', (client) =>
    client.query('SELECT pg_drop_replication_slot($1)', [slot]),
  );
  await write(site, 20);
  await site.up();
  await captureFails(site, 'SLOT_MISSING');
  await site.end('SIGTERM');
  await noteAhead(site);
  await recapture(site);

  await site.end('SIGTERM');
  await withConnection(site.adminUrl, 'test', (client) =>
    client.query('SELECT pg_drop_replication_slot($1)', [slot]),
  );
  await write(site, 20);
  await site.up();
  await withConnection(site.adminUrl, 'test', (client) =>
    client.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]),
  );
  await captureFails(site, 'CAPTURE_GAP');
  await recapture(site);

  one.proxy.set('cut');
  site.proxy.set('cut');
  await write(site, 20);
  await confirmed(site);
  await site.end('SIGTERM');
  rmSync(journal(site), { recursive: true });
  one.proxy.set('open');
  site.proxy.set('open');
  const up = await cli('up', '--dir', site.dir);
  assert.equal(up.code, 1);
  assert.match(up.stderr, /\[JOURNAL_LOST\]\n {2}hint: .*syncline recapture/);
  await recapture(site);
});

test('an agent of a copied folder is refused, and nothing of the journal is touched', async () => {
  const site = two!;
  const elsewhere = `${site.dir}-copy`;
  copy(site.dir, elsewhere);
  try {
    const up = await cli('up', '--dir', elsewhere);
    assert.equal(up.code, 1);
    assert.match(up.stderr, /\[AGENT_ELSEWHERE\]\n {2}hint: /);
    const same = await cli('up', '--dir', site.dir);
    assert.match(same.stderr, /\[AGENT_RUNNING\]/);
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});
