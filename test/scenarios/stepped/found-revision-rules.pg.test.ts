import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Entity, Model } from '../../../src/model/ir/ir.ts';
import { clashModel } from '../../support/clash-model.ts';
import { nullable, withGroup } from '../../support/revised-model.ts';
import { openWorld, take } from '../../support/revision-world.ts';
import type { World } from '../../support/revision-world.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * What was found where sites have revisions of a model with other unique constraints, references or rules, each by itself.
 */

let server: TestServer;

before(async () => {
  server = await startServer(18);
});

after(async () => {
  await server?.remove();
});

/** Does work with three sites, of which so many have the later revision of `parent` and `child-park`. */
async function withWorld(
  name: string,
  revise: { before?: (child: Entity) => Entity; after?: (child: Entity) => Entity; have: number },
  work: (world: World, sites: World['sites']) => Promise<void>,
): Promise<void> {
  const { entities } = clashModel();
  const revision = (date: string, change = (child: Entity): Entity => child): Model => ({
    ...{ ...clashModel(), name, revision: date },
    entities: ['parent', 'child-park'].map((one) => {
      const entity = entities.find((candidate) => candidate.name === one)!;
      return one === 'parent' ? entity : change(entity);
    }),
  });
  const revisions = {
    before: revision('2026-11-01', revise.before),
    after: revision('2026-12-01', revise.after),
  };
  const world = await openWorld(server, revisions, revise.have);
  try {
    await work(world, world.sites);
  } finally {
    await world.group.close();
  }
}

async function children(sites: readonly SteppedSite[]): Promise<number[]> {
  const counts = sites.map(({ sql }) =>
    sql.query<{ n: number }>('SELECT count(*)::integer AS n FROM test.child_park'),
  );
  return (await Promise.all(counts)).map(({ rows }) => rows[0]!.n);
}

const PARENT = `INSERT INTO test.parent (id, note) VALUES (1, 'first')`;

/** The reference without a rule: rows that lost its target are kept. */
const kept = (child: Entity): Entity => ({
  ...child,
  references: child.references.map(({ name, columns, target, onDelete }) => {
    return { name, columns, target, onDelete };
  }),
});

test('rows that were kept without a target wait where they have to, from the next revision on', async () => {
  await withWorld('kept', { before: kept, have: 0 }, async (world, sites) => {
    const { group, after: model } = world;
    const [one, two, three] = sites;
    await one.sql.query(PARENT);
    await group.exchange();
    await one.sql.query('DELETE FROM test.parent');
    await three.sql.query('INSERT INTO test.child_park (id, of) VALUES (1, 1)');
    await group.exchange();
    await take(world, one);
    await group.exchange();
    assert.deepEqual(await children(sites), [0, 1, 1]);
    await take(world, two, one);
    await take(world, three, two);
    await group.exchange();
    assert.deepEqual(await children(sites), [0, 0, 0]);
    await two.sql.query(PARENT);
    await group.exchange();
    assert.deepEqual(await children(sites), [1, 1, 1]);
    await group.assertEqual('all have the revision', model.entities);
  });
});

test('a row waits at a site that had deleted its target before it took the row’s new reference', async () => {
  const before = (child: Entity): Entity => ({
    ...child,
    references: [],
    groups: child.groups.filter(({ name }) => name !== 'of'),
    columns: child.columns.filter(({ name }) => name !== 'of'),
  });
  await withWorld('target', { before, have: 2 }, async (world, sites) => {
    const { group, after: model } = world;
    const [one, , three] = sites;
    await one.sql.query(PARENT);
    await group.exchange();
    await one.sql.query('INSERT INTO test.child_park (id, of) VALUES (1, 1)');
    await three.sql.query('DELETE FROM test.parent');
    await take(world, three, one);
    await group.exchange();
    assert.deepEqual(await children(sites), [0, 0, 0]);
    await one.sql.query(PARENT);
    await group.exchange();
    await group.assertEqual('all have the revision', model.entities);
  });
});

test('a row that waits at the giver for its new unique value waits at the taker, too', async () => {
  const wider = (child: Entity): Entity => ({
    ...withGroup(child, nullable('alias', 'text')),
    uniques: [{ name: 'child_park_alias_key', columns: ['alias'], clash: 'earliest' }],
  });
  await withWorld('alias', { after: wider, have: 2 }, async (world, sites) => {
    const { group, after: model } = world;
    const [one, two, three] = sites;
    await one.sql.query(`INSERT INTO test.child_park (id, alias) VALUES (1, 'same')`);
    await two.sql.query('INSERT INTO test.child_park (id) VALUES (2)');
    await two.sql.query(`UPDATE test.child_park SET alias = 'same' WHERE id = 2`);
    await group.exchange();
    assert.deepEqual(await children(sites), [1, 1, 2]);
    await take(world, three, one);
    await group.exchange();
    assert.deepEqual(await children(sites), [1, 1, 1]);
    await three.sql.query('DELETE FROM test.child_park WHERE id = 1');
    await group.exchange();
    const { rows } = await three.sql.query('SELECT id, alias FROM test.child_park');
    assert.deepEqual(rows, [{ id: 2, alias: 'same' }]);
    await group.assertEqual('all have the revision', model.entities);
  });
});

test('a value that an index of one site has no room for waits there, and apply goes on', async () => {
  await withWorld('room', { have: 0 }, async ({ group }, sites) => {
    const [one, , three] = sites;
    await one.sql.query('CREATE INDEX ON test.parent (note)');
    await three.sql.query(
      `INSERT INTO test.parent SELECT 1, string_agg(md5(g::text), '') FROM generate_series(1, 300) AS g`,
    );
    await three.sql.query(`INSERT INTO test.parent VALUES (2, 'short')`);
    await group.exchange();
    assert.deepEqual((await one.sql.query('SELECT id FROM test.parent')).rows, [{ id: 2 }]);
    await three.sql.query(`UPDATE test.parent SET note = 'short' WHERE id = 1`);
    await group.exchange();
    await group.assertEqual();
  });
});
