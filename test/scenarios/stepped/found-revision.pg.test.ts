import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir.ts';
import { clashModel } from '../../support/clash-model.ts';
import { withMore, withoutGroups } from '../../support/revised-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { setsModel } from '../../support/sets-model.ts';
import { adopt } from '../../support/stepped-adoption.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/*
 * What was found where sites with different revisions of a model write (revision.property.pg.test.ts), each by itself.
 */

let server: TestServer;

before(async () => {
  server = await startServer(18, { max_replication_slots: '100' });
});

after(async () => {
  await server?.remove();
});

interface World {
  sites: SteppedSite[];
  group: SteppedGroup;
  /** A site takes the later revision, from another one or as the first. */
  take: (site: SteppedSite, from?: SteppedSite) => Promise<void>;
}

/** Three sites with the earlier one of two revisions. */
async function withRevisions(
  { before: earlier, after: model }: { before: Model; after: Model },
  work: (world: World) => Promise<void>,
): Promise<void> {
  const group = await SteppedGroup.open(server, earlier);
  const { sites } = group;
  try {
    const take = (site: SteppedSite, from?: SteppedSite): Promise<void> =>
      adopt(site, { model, others: sites, ...(from && { taking: { from } }) });
    await work({ sites, group, take });
    await group.exchange();
    await group.assertEqual('in the end', model);
  } finally {
    await group.close();
  }
}

/** An entity with a unique name, in a revision that has more column groups than the one before it. */
function clashes(name: string): { before: Model; after: Model } {
  const model = clashModel();
  const entities = model.entities.filter((entity) => entity.name === 'earliest');
  return withMore({ ...model, name, entities });
}

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
  await withRevisions(clashes('changed'), async ({ sites, group, take }) => {
    const [one, two, three] = sites as [SteppedSite, SteppedSite, SteppedSite];
    await take(one);
    await take(two, one);
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
    await group.exchange();
    assert.equal(await late(one, 2), 'two');
    await take(three, one);
  });
});

test('rows that exchange their values, by a site that lacks columns: they stay', async () => {
  await withRevisions(clashes('exchanged'), async ({ sites, group, take }) => {
    const [one, two, three] = sites as [SteppedSite, SteppedSite, SteppedSite];
    await take(one);
    await one.sql.query(`${insert(1, 'a')}, (2, 'b', 0)`);
    await one.sql.query(`UPDATE test.earliest SET late = name`);
    await group.exchange();
    // One transaction that is left to merge, since the other site wrote one of the groups.
    await one.sql.query(`UPDATE test.earliest SET note = 'one'`);
    await three.sql.query(
      `BEGIN; UPDATE test.earliest SET note = 'x', name = 'c' WHERE id = 1;
       UPDATE test.earliest SET note = 'x', name = 'a' WHERE id = 2;
       UPDATE test.earliest SET name = 'b' WHERE id = 1; COMMIT`,
    );
    await group.exchange();
    assert.deepEqual([await late(one, 1), await late(one, 2)], ['a', 'b']);
    await take(two, one);
    await take(three, one);
  });
});

test('a row waits at the site that gives its values, and at the one that takes them', async () => {
  await withRevisions(clashes('given'), async ({ sites, group, take }) => {
    const [one, two, three] = sites as [SteppedSite, SteppedSite, SteppedSite];
    await take(one);
    await one.sql.query(`${insert(1, 'a')}, (2, 'b', 0)`);
    await one.sql.query(`UPDATE test.earliest SET late = 'two' WHERE id = 2`);
    await group.exchange();
    await two.sql.query(`UPDATE test.earliest SET name = 'same' WHERE id = 1`);
    await one.sql.query(`UPDATE test.earliest SET name = 'same' WHERE id = 2`);
    await group.exchange();
    assert.equal(await late(one, 2), undefined);
    await take(two, one);
    await take(three, one);
    await two.sql.query('DELETE FROM test.earliest WHERE id = 1');
    await group.exchange();
    assert.equal(await late(two, 2), 'two');
  });
});

test('a row of a new entity waits at the site that gives it', async () => {
  const whole = clashModel();
  const some = whole.entities.filter(({ name }) => ['parent', 'earliest'].includes(name));
  const model = { ...whole, name: 'waits', entities: some };
  const entities = some.filter(({ name }) => name === 'parent');
  const earlier = { ...model, revision: '2026-11-01', entities };
  await withRevisions({ before: earlier, after: model }, async ({ sites, group, take }) => {
    const [one, two, three] = sites as [SteppedSite, SteppedSite, SteppedSite];
    await take(one);
    await take(two, one);
    await one.sql.query(insert(1, 'same'));
    await two.sql.query(insert(2, 'same'));
    await group.exchange();
    await take(three, one);
    await one.sql.query('DELETE FROM test.earliest WHERE id = 1');
    await group.exchange();
    const { rows } = await three.sql.query('SELECT id FROM test.earliest');
    assert.deepEqual(rows, [{ id: 2 }]);
  });
});

test('the tags of a set are taken with it', async () => {
  const model = { ...setsModel(), name: 'tags' };
  const entities = model.entities.map((entity) =>
    withoutGroups(
      entity,
      entity.groups.filter(({ columns }) => columns.includes('alias')),
    ),
  );
  const earlier = { ...model, revision: '2026-11-01', entities };
  await withRevisions({ before: earlier, after: model }, async ({ sites, take }) => {
    const [one, two, three] = sites as [SteppedSite, SteppedSite, SteppedSite];
    await take(one);
    await one.sql.query(`INSERT INTO test.account (id, alias) VALUES (1, '{a}')`);
    await one.sql.query(`UPDATE test.account SET alias = '{b}'`);
    await take(two, one);
    await take(three, two);
    const { rows } = await three.sql.query('SELECT alias FROM test.account');
    assert.deepEqual(rows, [{ alias: ['b'] }]);
  });
});
