import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite, cli, quickRounds } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { equalSites, sitesOf } from '../../support/site-group.ts';
import { ROOT } from '../../support/root.ts';

/** Rounds of an agent in which it would do what it must not do. */
const ROUNDS = 4;

let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  quickRounds();
  server = await startServer(18);
  const database = (name: string): Promise<string> => server.createDatabase(name);
  await sitesOf(sites, { model: LEASES, database }, [
    ['two', 2],
    ['three', 3],
    ['four', 4],
  ]);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

/** A row of a lease as text; undefined where there is none. */
const lease = async (site: AgentSite, address: number): Promise<string | undefined> => {
  const { rows } = await site.sql.query<{ v: string }>(
    `SELECT concat_ws(' ', hostname, note, renewals) AS v FROM leases.lease WHERE address = ${address}`,
  );
  return rows[0]?.v;
};

/** A module that keeps an agent from pulling changes by way of another member: a relay takes its time to begin. */
function withoutRelays(folder: string): string {
  const module = join(folder, 'no-relays.mjs');
  const relay = pathToFileURL(join(ROOT, 'src/site/members/relay.ts')).href;
  writeFileSync(
    module,
    `import { Relays } from ${JSON.stringify(relay)};\nRelays.prototype.update = async () => undefined;\n`,
  );
  return pathToFileURL(module).href;
}

/** What `one` has of a peer waits. */
const waits = async (one: AgentSite, name: string): Promise<boolean> => {
  const peer = (await one.status()).peers.find((candidate) => candidate.name === name);
  return peer?.apply === 'waiting' && peer.lag.batches > 0;
};

test('changes that a lost site made over those of another lost one are applied when it is sure that nobody has these', async () => {
  const [one, two, three, four] = sites as [AgentSite, AgentSite, AgentSite, AgentSite];
  await one.sql.query(
    `INSERT INTO leases.lease (address, note) VALUES (1, 'of one'), (2, 'of one')`,
  );
  await equalSites(sites, [LEASES]);
  for (const site of [one, two]) await site.end('SIGTERM');
  // What four writes reaches three only, which writes over it; what three writes reaches one only.
  await four.sql.query(`UPDATE leases.lease SET renewals = 5 WHERE address = 1`);
  await four.sql.query(`INSERT INTO leases.lease (address, note, renewals) VALUES (3, 'lost', 7)`);
  await eventually('three has it', async () => (await lease(three, 3)) === 'lost 7');
  await four.end('SIGKILL');
  await three.sql.query(`UPDATE leases.lease SET hostname = 'x', renewals = renewals + 1
    WHERE address IN (1, 3)`);
  await three.sql.query(`DELETE FROM leases.lease WHERE address = 2`);
  await one.up({ imports: [withoutRelays(one.dir)] });
  await eventually('it waits at one', () => waits(one, 'three'));
  await three.end('SIGKILL');
  await one.end('SIGTERM');
  await one.up();

  for (const name of ['three', 'four']) {
    const removed = await cli('remove', name, '--dir', one.dir);
    assert.equal(removed.code, 0, removed.stderr);
  }
  // Two is only down: it may have what is missing.
  const { rounds } = await one.status();
  await eventually('some rounds later', async () => (await one.status()).rounds > rounds + ROUNDS);
  assert.equal(await lease(one, 1), 'of one 0');
  assert.ok(await waits(one, 'three'));
  assert.deepEqual((await one.status()).waived, []);

  await two.up();
  for (const site of [one, two]) {
    const name = site.config.site;
    await eventually(`${name} has the image of a row whose insert is lost`, async () => {
      return (await lease(site, 3)) === 'x lost 8';
    });
    // What is lost of a number that is added to is lost; what was added after it is not.
    await eventually(`${name} has the change`, async () => {
      return (await lease(site, 1)) === 'x of one 1' && (await lease(site, 2)) === undefined;
    });
  }
  await equalSites([one, two], [LEASES]);
  for (const site of [one, two]) {
    const { waived } = await site.status();
    assert.deepEqual(
      waived.map(({ site: of, without }) => [of, without]),
      [['three', 'four']],
    );
  }
  const { stdout } = await cli('status', '--dir', two.dir);
  assert.match(
    stdout,
    /^lost +changes of four after [\dA-F/]+, up to [\dA-F/]+: no member has them/m,
  );
});

test('afterwards all is stable: tombstones go, and journals keep nothing', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await two.sql.query('DELETE FROM leases.lease WHERE address = 1');
  await equalSites([one, two], [LEASES]);
  for (const site of [one, two]) {
    await eventually(`${site.config.site} has no tombstones`, () =>
      withConnection(site.config.database.url, 'test', async (client) => {
        return (await client.query('SELECT FROM crp.lease_tombstone')).rowCount === 0;
      }),
    );
    await eventually(`the journal of ${site.config.site} is empty`, async () => {
      const { journal, peers } = await site.status();
      return journal.batches === 0 && peers.length === 1;
    });
  }
  // What is waived is remembered after a restart.
  await one.end('SIGTERM');
  await one.up();
  assert.equal((await one.status()).waived.length, 1);
});

test('what all have of a site that is gone is known after a restart, without asking those that are away', async () => {
  const [one, two] = sites as [AgentSite, AgentSite];
  await two.end('SIGTERM');
  await one.end('SIGTERM');
  await one.up();
  await eventually('it is up', async () => (await one.status()).rounds > 1);
  const { peers } = await one.status();
  assert.deepEqual(
    peers.map(({ name }) => name),
    ['two'],
  );
  await two.up();
  await two.sql.query(`INSERT INTO leases.lease (address, note) VALUES (9, 'after')`);
  await eventually('and all goes on', async () => (await lease(one, 9)) !== undefined);
});
