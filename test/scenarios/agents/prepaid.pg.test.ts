import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../../../src/postgres/connect.ts';
import { SHARE_TOO_SMALL } from '../../../src/sql/ddl/counter-bodies.ts';
import { Random } from '../../simulation/random.ts';
import { AgentSite } from '../../support/agents.ts';
import { eventually } from '../../support/pair.ts';
import { Account, prepaidModel, refusalOf } from '../../support/prepaid.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SEED } from '../../support/seed.ts';

let server: TestServer;
let ber: AgentSite;
let muc: AgentSite;

before(async () => {
  server = await startServer(18);
  ber = await AgentSite.init('ber', {
    ...{ adminUrl: await server.createDatabase('ber'), model: prepaidModel() },
  });
  await ber.up();
  muc = await AgentSite.join(await ber.invite('muc', 2), {
    adminUrl: await server.createDatabase('muc'),
  });
  await muc.up();
});

after(async () => {
  await muc?.remove();
  await ber?.remove();
  await server.remove();
});

function setLinks(mode: 'open' | 'cut'): void {
  for (const site of [ber, muc]) site.proxy.set(mode);
}

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** The account at both sites, with a balance added at the first and half of it given to the second. */
async function shared(n: number, amount: number): Promise<{ here: Account; there: Account }> {
  const here = new Account(ber.sql, id(n));
  const there = new Account(muc.sql, id(n));
  await here.open();
  await here.add(amount);
  await here.give('muc', amount / 2);
  await eventually('the share has arrived', async () => (await there.share()) === amount / 2);
  return { here, there };
}

async function equal(here: Account, there: Account, value: number): Promise<void> {
  let seen: number[] = [];
  await eventually(`the value is ${value} at both sites`, async () => {
    seen = [await here.value(), await there.value()];
    return seen.every((one) => one === value);
  }).catch((error: unknown) => assert.deepEqual(seen, [value, value], String(error)));
}

/** Takes and gives random amounts at a site until it is refused often; the sum of what it took. */
async function spend(
  site: { url: string; peer: string },
  account: string,
  random: Random,
): Promise<number> {
  const sql = await connect(site.url, 'test service');
  const session = new Account(sql, account);
  let taken = 0;
  try {
    for (let refusals = 0; refusals < 5;) {
      const amount = 1 + random.int(9);
      try {
        if (random.chance(20)) await session.give(site.peer, amount);
        else {
          await session.take(amount);
          taken += amount;
        }
      } catch (error) {
        if ((error as { code?: string }).code !== SHARE_TOO_SMALL) throw error;
        refusals += 1;
      }
    }
    return taken;
  } finally {
    await sql.end();
  }
}

/** Looks at the value again and again; the smallest that was seen. */
async function watch(url: string, account: string, until: AbortSignal): Promise<number> {
  const sql: Client = await connect(url, 'test watch');
  const session = new Account(sql, account);
  let least = Infinity;
  try {
    while (!until.aborted) {
      least = Math.min(least, await session.value());
      await delay(1);
    }
    return least;
  } finally {
    await sql.end();
  }
}

test(`two sites spend one balance over a cut link and never more than there is (seed ${SEED})`, async () => {
  const initial = 600;
  const { here, there } = await shared(1, initial);
  const sites = [
    { url: ber.config.database.serviceUrl, peer: 'muc' },
    { url: muc.config.database.serviceUrl, peer: 'ber' },
  ];
  const done = new AbortController();
  const watched = Promise.all(sites.map(({ url }) => watch(url, id(1), done.signal)));
  setLinks('cut');
  // Two sessions a site, all at once: as many as it takes until nobody gets anything.
  const taken = await Promise.all(
    [...sites, ...sites].map((site, index) => spend(site, id(1), new Random(SEED + index))),
  );
  const left = initial - taken.reduce((sum, one) => sum + one, 0);
  assert.ok(left >= 0, `${taken.join(' + ')} of ${initial}, seed ${SEED}`);
  setLinks('open');
  await equal(here, there, left);
  done.abort();
  for (const least of await watched) assert.ok(least >= 0, `${least} was seen, seed ${SEED}`);
  assert.equal((await here.share()) + (await there.share()), left);
});

test('a site whose share is used up refuses while the other still has some, and gets some of it', async () => {
  const { here, there } = await shared(2, 100);
  setLinks('cut');
  await there.take(50);
  const refused = await refusalOf(there.take(10));
  assert.equal(refused.code, SHARE_TOO_SMALL);
  assert.match(refused.message, /share of site "muc" .* is 0\.0+: too small to take 10/);
  assert.match(refused.detail!, /50\.0+ above the bound/);
  assert.match(refused.hint!, /account_balance_give/);
  await here.take(20);
  await here.give('muc', 25);
  assert.equal(await here.share(), 5);
  assert.equal((await refusalOf(there.take(10))).code, SHARE_TOO_SMALL);
  setLinks('open');
  await eventually('the gift has arrived', async () => (await there.share()) === 25);
  await there.take(10);
  await equal(here, there, 20);
});

test('a delete ends the balance at all sites, and nothing of it counts for a new row of the same key', async () => {
  const { here, there } = await shared(3, 100);
  setLinks('cut');
  await there.give('ber', 5);
  await there.take(10);
  await here.close();
  await here.open();
  await here.add(7);
  setLinks('open');
  await equal(here, there, 7);
  assert.deepEqual([await here.share(), await there.share()], [7, 0]);
});

test('when two sites make the same account, the later one stands with its own balance', async () => {
  const here = new Account(ber.sql, id(5));
  const there = new Account(muc.sql, id(5));
  setLinks('cut');
  await here.open();
  await here.add(100);
  await here.take(1);
  await there.open();
  await there.add(30);
  await there.take(2);
  setLinks('open');
  await equal(here, there, 28);
  assert.deepEqual([await here.share(), await there.share()], [0, 28]);
});

test('the role of the service cannot write the shares itself', async () => {
  const { here } = await shared(4, 10);
  const statement = 'UPDATE charging.account_balance_right SET amount = amount + 1';
  assert.equal((await refusalOf(ber.sql.query(statement))).code, '42501');
  assert.equal(await here.value(), 10);
});
