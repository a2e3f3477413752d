import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { clashModel } from '../../support/clash-model.ts';
import { ephemeralModel } from '../../support/ephemeral-model.ts';
import { withMore } from '../../support/revised-model.ts';
import { openWorld, take } from '../../support/revision-world.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * Rows that come back, while sites with different revisions of a model write: those that expire, and those that others
 * refer to.
 */

let server: TestServer;

before(async () => {
  server = await startServer(18);
});

after(async () => {
  await server?.remove();
});

function modelWith(model: Model, name: string, entity: string): Model {
  return { ...model, name, entities: model.entities.filter((one) => one.name.startsWith(entity)) };
}

async function late({ sql }: SteppedSite, table: string, id: number): Promise<string | undefined> {
  const { rows } = await sql.query<{ late: string }>(
    `SELECT late FROM test.${table} WHERE id = $1`,
    [id],
  );
  return rows[0]?.late;
}

const insert = (id: number): string =>
  `INSERT INTO test.session (id, expires, packets) VALUES (${id}, '2020-01-01 00:00:00Z', 0)`;
const renew = (id: number): string =>
  `UPDATE test.session SET expires = '2100-01-01 00:00:00Z' WHERE id = ${id}`;

test('a row whose time is over stays until all sites have its columns', async () => {
  const world = await openWorld(server, withMore(modelWith(ephemeralModel(), 'over', 'session')));
  const { group, sites, after: model } = world;
  const [one, two, three] = sites;
  try {
    await one.sql.query(insert(1));
    await one.sql.query(`UPDATE test.session SET late = 'one'`);
    await group.exchange();
    await one.findStable(sites);
    await one.removeExpired();
    await three.sql.query(renew(1));
    await group.exchange();
    assert.deepEqual(await Promise.all([one, two].map((site) => late(site, 'session', 1))), [
      'one',
      'one',
    ]);
    await take(world, three, one);
    await one.sql.query(insert(2));
    await group.exchange();
    await one.findStable(sites);
    assert.equal(await one.removeExpired(), 1);
    await three.sql.query(renew(2));
    await group.exchange();
    await group.assertEqual('all have the revision', model.entities);
  } finally {
    await group.close();
  }
});

test('a row that a site removed before it takes a revision comes with its columns', async () => {
  const revisions = withMore(modelWith(ephemeralModel(), 'removed', 'session'));
  const world = await openWorld(server, revisions, 0);
  const { group, sites, after: model } = world;
  const [one, two, three] = sites;
  try {
    await one.sql.query(insert(1));
    await group.exchange();
    await three.findStable(sites);
    await take(world, one);
    await one.sql.query(`UPDATE test.session SET late = 'one'`);
    await group.exchange();
    assert.equal(await three.removeExpired(), 1);
    await take(world, three, one);
    await two.sql.query(renew(1));
    await group.exchange();
    assert.equal(await late(three, 'session', 1), 'one');
    await take(world, two, three);
    await group.exchange();
    await group.assertEqual('all have the revision', model.entities);
  } finally {
    await group.close();
  }
});

test('a parent that only a site restores which lacks its columns has their defaults, everywhere', async () => {
  const { entities } = clashModel();
  const names = ['parent', 'child-restore'];
  const model = { ...clashModel(), entities: entities.filter(({ name }) => names.includes(name)) };
  const world = await openWorld(server, withMore({ ...model, name: 'restored' }));
  const { group, sites } = world;
  const [one, two, three] = sites;
  try {
    await one.sql.query(`INSERT INTO test.parent (id, note, late) VALUES (1, 'first', 'one')`);
    await group.exchange();
    await one.sql.query('DELETE FROM test.parent');
    await three.sql.query('INSERT INTO test.child_restore (id, of) VALUES (1, 1)');
    await one.capture();
    await two.apply(one, 1000);
    await group.exchange();
    const found = await Promise.all([one, two].map((site) => late(site, 'parent', 1)));
    assert.deepEqual(found, ['new', 'new']);
    await take(world, three, one);
    await group.assertEqual('all have the revision', world.after.entities);
  } finally {
    await group.close();
  }
});
