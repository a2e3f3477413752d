import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { connect } from '../../../src/postgres/connect.ts';
import { digests } from '../../../src/repair/digest.ts';
import { LEASES } from '../../support/lease-model.ts';
import { LiveSite } from '../../support/live-site.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/* Three sites take a later revision of a model, one after the other, while all of them write. */

const [lease] = LEASES.entities;

/** The leases with two columns more, each in a group of its own. */
const NEXT: Model = {
  ...LEASES,
  revision: '2026-12-01',
  entities: [
    {
      ...lease!,
      columns: [
        ...lease!.columns,
        { name: 'vendor', path: 'vendor', type: 'text', notNull: false, group: 'vendor' },
        { name: 'hits', path: 'hits', type: 'bigint', notNull: true, default: '0', group: 'hits' },
      ],
      groups: [
        ...lease!.groups,
        { name: 'vendor', stamp: '_crp_vendor', columns: ['vendor'], method: 'latest-timestamp' },
        { name: 'hits', stamp: '_crp_hits', columns: ['hits'], method: 'additive' },
      ],
    },
  ],
};

/** Rows that all sites change. */
const SHARED = 30;
/** Between two steps of a service: three sites share the machine, and nearly every step is a conflict. */
const PAUSE_MS = 80;

let server: TestServer;
const sites: LiveSite[] = [];

before(async () => {
  server = await startServer(18);
  for (const [index, name] of ['one', 'two', 'three'].entries()) {
    const [first] = sites;
    const start = first === undefined ? { model: LEASES } : { first, number: index + 1 };
    sites.push(await LiveSite.make(server, name, { tables: 'SELECT 1', ...start }));
  }
});

after(async () => {
  for (const service of services) service.stop();
  for (const site of sites) await site.remove();
  await server?.remove();
});

/** The program of one site: it goes on while its site's agent is down and its tables get new columns. */
class Service {
  readonly running: Promise<void>;
  /** What it added to `renewals` and `hits`, and how many rows it inserted. */
  readonly done = { renewals: 0, hits: 0, inserted: 0 };
  /** Set once its site has the new columns. */
  upgraded = false;
  readonly #first: number;
  #stop = false;
  #step = 0;

  constructor(site: LiveSite, first: number) {
    this.#first = first;
    this.running = this.#run(site);
  }

  stop(): void {
    this.#stop = true;
  }

  /** Waits until it has done something since now. */
  async more(): Promise<void> {
    const goal = this.#step + 8;
    await eventually(`service ${this.#first} goes on`, () => this.#step >= goal);
  }

  async #run(site: LiveSite): Promise<void> {
    const client = await connect(site.site.adminUrl, 'test service');
    try {
      for (; !this.#stop; this.#step++) {
        const address = 1 + ((this.#step * 7 + this.#first) % SHARED);
        const { upgraded } = this;
        const more = upgraded ? `, hits = hits + 1, vendor = 'vendor ${this.#step}'` : '';
        await client.query(
          `UPDATE leases.lease SET renewals = renewals + 1, note = $2${more} WHERE address = $1`,
          [address, `${site.site.config.site} ${this.#step}`],
        );
        this.done.renewals += 1;
        if (upgraded) this.done.hits += 1;
        const columns = upgraded ? 'address, note, vendor' : 'address, note';
        const values = upgraded ? `$1, 'own', 'new'` : `$1, 'own'`;
        await client.query(`INSERT INTO leases.lease (${columns}) VALUES (${values})`, [
          this.#first + this.#step,
        ]);
        this.done.inserted += 1;
        await delay(PAUSE_MS);
      }
    } finally {
      await client.end();
    }
  }
}

const services: Service[] = [];

async function equal(model: Model): Promise<void> {
  await eventually('the three sites are equal', async () => {
    const all = await Promise.all(sites.map(({ sql }) => digests(sql, [model])));
    return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0]));
  }).catch(explain);
}

/** Throws with what the agents say. */
async function explain(error: unknown): Promise<never> {
  const states = await Promise.all(sites.map((site) => site.status()));
  throw new Error(`${String(error)}: ${JSON.stringify(states)}`, { cause: error });
}

let probe = 900_000_000;

/** A row that each site inserts now reaches the others, whichever revision they have. */
async function exchange(): Promise<void> {
  const first = probe;
  for (const { sql } of sites) {
    await sql.query('INSERT INTO leases.lease (address) VALUES ($1)', [probe++]);
  }
  for (const site of sites) {
    await eventually(`all rows from ${first} on are at ${site.site.config.site}`, async () => {
      const count = `SELECT count(*) FROM leases.lease WHERE address >= ${first}`;
      return (await site.number(count)) === sites.length;
    }).catch(explain);
  }
}

test('three sites take a revision one by one while all write: traffic goes on at every step, and all are equal in the end', async () => {
  const [one, two, three] = sites as [LiveSite, LiveSite, LiveSite];
  await one.sql.query(
    `INSERT INTO leases.lease (address) SELECT g FROM generate_series(1, ${SHARED}) AS g`,
  );
  await equal(LEASES);
  services.push(...sites.map((site, index) => new Service(site, (index + 1) * 1_000_000)));
  const [first, second, third] = services as [Service, Service, Service];
  await third.more();

  await one.adoptAndUp(NEXT, { kind: 'first' });
  first.upgraded = true;
  await exchange();
  await one.sql.query(`UPDATE leases.lease SET vendor = 'early' WHERE address = 900000001`);
  await second.more();

  await two.adoptAndUp(NEXT, { kind: 'from', site: 'one' });
  second.upgraded = true;
  await exchange();
  // A row that has values of the new columns, changed and deleted by the site that does not know them.
  await three.sql.query(`UPDATE leases.lease SET note = 'of three' WHERE address = 900000001`);
  await three.sql.query('DELETE FROM leases.lease WHERE address = 900000000');
  await third.more();

  await three.adoptAndUp(NEXT, { kind: 'from', site: 'two' });
  third.upgraded = true;
  await exchange();
  await third.more();
  for (const service of services) service.stop();
  for (const service of services) await service.running;
  await equal(NEXT);

  const sum = (key: 'renewals' | 'hits' | 'inserted'): number =>
    services.reduce((total, { done }) => total + done[key], 0);
  for (const site of sites) {
    const { rows } = await site.sql.query<{ renewals: string; hits: string; own: string }>(
      `SELECT sum(renewals) AS renewals, sum(hits) AS hits,
         count(*) FILTER (WHERE note = 'own') AS own FROM leases.lease`,
    );
    assert.deepEqual(rows[0], {
      ...{ renewals: String(sum('renewals')), hits: String(sum('hits')) },
      own: String(sum('inserted')),
    });
    const early = await site.sql.query<{ note: string; vendor: string }>(
      'SELECT note, vendor FROM leases.lease WHERE address IN (900000000, 900000001)',
    );
    assert.deepEqual(early.rows, [{ note: 'of three', vendor: 'early' }]);
    assert.equal(await site.number(`SELECT count(*) FROM crp.conflict WHERE status = 'parked'`), 0);
  }
});
