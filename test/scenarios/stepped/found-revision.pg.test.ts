import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ColumnGroup, Model } from '../../../src/model/ir/ir.ts';
import { clashModel } from '../../support/clash-model.ts';
import { withMore, withoutGroups } from '../../support/revised-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { setsModel } from '../../support/sets-model.ts';
import { openWorld, take } from '../../support/revision-world.ts';
import type { World } from '../../support/revision-world.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * What was found where sites with different revisions of a model write (revision.property.pg.test.ts), each by itself.
 */

/** Entities of these names, of the models that have clashes and sets. */
function modelWith(name: string, entities: readonly string[]): Model {
  const all = [...clashModel().entities, ...setsModel().entities];
  return {
    ...clashModel(),
    name,
    entities: all.filter((entity) => entities.includes(entity.name)),
  };
}

let server: TestServer;
/** The first two sites have more column groups of an entity with a unique name, the third has not. */
let more: World;
/** The first two sites have an entity and a set more than the third. */
let fresh: World;

before(async () => {
  server = await startServer(18);
  more = await openWorld(server, withMore(modelWith('more', ['earliest'])));
  const after = modelWith('fresh', ['parent', 'earliest', 'account']);
  const isLater = ({ columns }: ColumnGroup): boolean => columns.includes('alias');
  const entities = after.entities
    .filter(({ name }) => name !== 'earliest')
    .map((entity) => withoutGroups(entity, entity.groups.filter(isLater)));
  fresh = await openWorld(server, {
    before: { ...after, revision: '2026-11-01', entities },
    after,
  });
});

after(async () => {
  for (const { group } of [more, fresh].filter(Boolean)) await group.close();
  await server?.remove();
});

async function late({ sql }: SteppedSite, id: number): Promise<string | undefined> {
  const { rows } = await sql.query<{ late: string }>(
    'SELECT late FROM test.earliest WHERE id = $1',
    [id],
  );
  return rows[0]?.late;
}

const insert = (id: number, name: string): string =>
  `INSERT INTO test.earliest (id, name, uses) VALUES (${id}, '${name}', 0)`;

test('a row that waits is changed by a site that lacks its columns: they stay', async () => {
  const [one, two, three] = more.sites;
  await one.sql.query(insert(1, 'same'));
  await two.sql.query(insert(2, 'same'));
  await two.sql.query(`UPDATE test.earliest SET late = 'two'`);
  for (const site of [one, two]) await site.capture();
  await three.apply(two, 1000);
  await three.sql.query(`UPDATE test.earliest SET note = 'three'`);
  await three.capture();
  await one.apply(two, 1000);
  await one.apply(three, 1000);
  await one.sql.query('DELETE FROM test.earliest WHERE id = 1');
  await more.group.exchange();
  assert.equal(await late(one, 2), 'two');
});

test('rows that exchange their values, by a site that lacks columns: they stay', async () => {
  const { group, sites } = more;
  const [one, , three] = sites;
  await one.sql.query(`${insert(11, 'a')}, (12, 'b', 0)`);
  await one.sql.query(`UPDATE test.earliest SET late = name WHERE id > 10`);
  await group.exchange();
  // One transaction that is left to merge, since the other site wrote one of the groups.
  await one.sql.query(`UPDATE test.earliest SET note = 'one' WHERE id > 10`);
  await three.sql.query(
    `BEGIN; UPDATE test.earliest SET note = 'x', name = 'c' WHERE id = 11;
     UPDATE test.earliest SET note = 'x', name = 'a' WHERE id = 12;
     UPDATE test.earliest SET name = 'b' WHERE id = 11; COMMIT`,
  );
  await group.exchange();
  assert.deepEqual([await late(one, 11), await late(one, 12)], ['a', 'b']);
});

test('a row waits at the site that gives its values, and at the one that takes them', async () => {
  const { group, sites, after: model } = more;
  const [one, , three] = sites;
  await one.sql.query(`${insert(21, 'y')}, (22, 'z', 0)`);
  await one.sql.query(`UPDATE test.earliest SET late = 'two' WHERE id = 22`);
  await group.exchange();
  await three.sql.query(`UPDATE test.earliest SET name = 'both' WHERE id = 21`);
  await one.sql.query(`UPDATE test.earliest SET name = 'both' WHERE id = 22`);
  await group.exchange();
  assert.equal(await late(one, 22), undefined);
  await take(more, three, one);
  await three.sql.query('DELETE FROM test.earliest WHERE id = 21');
  await group.exchange();
  assert.equal(await late(three, 22), 'two');
  await group.assertEqual('all have the revision', model.entities);
});

test('a row of a new entity waits at the site that gives it; a set is taken with its tags', async () => {
  const { group, sites, after: model } = fresh;
  const [one, two, three] = sites;
  await one.sql.query(insert(1, 'same'));
  await two.sql.query(insert(2, 'same'));
  await one.sql.query(`INSERT INTO test.account (id, alias) VALUES (1, '{a}')`);
  await one.sql.query(`UPDATE test.account SET alias = '{b}'`);
  await group.exchange();
  await take(fresh, three, one);
  await one.sql.query('DELETE FROM test.earliest WHERE id = 1');
  await group.exchange();
  assert.deepEqual((await three.sql.query('SELECT id FROM test.earliest')).rows, [{ id: 2 }]);
  const { rows } = await three.sql.query('SELECT alias FROM test.account');
  assert.deepEqual(rows, [{ alias: ['b'] }]);
  await group.assertEqual('all have the revision', model.entities);
});
