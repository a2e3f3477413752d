import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { openWorld, take } from '../../support/revision-world.ts';
import type { World } from '../../support/revision-world.ts';
import { modelOf } from '../../support/rules-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { adopt } from '../../support/stepped-adoption.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';

/* Sites of which some have a revision that allows more values of a column than the one that the others have. */

const revision = (date: string, leafs: string, groups = ''): Model => ({
  ...modelOf(`list thing { key id; crp:entity "thing" { crp:column-group "g"; ${groups} }
    leaf id { type int32; } leaf note { type string; crp:in-group "g"; } ${leafs} }
    list other { key id; crp:entity "other"; leaf id { type int32; } }`),
  ...{ name: 'wider', revision: date },
});
const OLD = 'leaf n { type int8 { range "1..5"; } mandatory true; }';
const WIDER = revision('2026-12-01', 'leaf n { type int8 { range "0..9"; } }');
const NARROWER = revision('2026-12-01', OLD.replace('1..5', '1..4'));
const CHOICE = revision(
  '2026-12-01',
  `${OLD} choice c { mandatory true; leaf a { type int8; crp:in-group "h"; } leaf b { type int8; crp:in-group "h"; } }`,
  'crp:column-group "h";',
);

let server: TestServer;
let world: World;

before(async () => {
  server = await startServer(18);
  world = await openWorld(server, { before: revision('2026-11-01', OLD), after: WIDER }, 0);
});

after(async () => {
  await world?.group.close();
  await server?.remove();
});

async function waiting({ sql }: SteppedSite): Promise<(string | null)[][]> {
  const { rows } = await sql.query<{ at: (string | null)[] }>(
    `SELECT ARRAY[w.key ->> 'id', w.row ->> 'n', c.type] AS at FROM crp.waiting AS w
     JOIN crp.conflict AS c ON c.entity = w.entity AND c.key = w.key AND c.status = 'parked' ORDER BY 1`,
  );
  return rows.map(({ at }) => at);
}

test('a narrower rule is refused, also one that rows of other sites would break with the defaults', async () => {
  const [site] = world.sites;
  const taking = (model: Model): Promise<void> => adopt(site, { model, others: world.sites });
  const refused = (says: RegExp) => ({ code: 'MODEL_NOT_ROLLING', message: says });
  await assert.rejects(taking(NARROWER), refused(/"thing": column "n" may not be all that it was/));
  await assert.rejects(taking(CHOICE), refused(/new column "a", "b" may not have its default/));
  await site.sql.query('ALTER TABLE test.thing ADD COLUMN a text');
  await assert.rejects(taking(CHOICE), refused(/has a column "a" of type text already/));
  const { rows } = await site.sql.query(`SELECT ir ->> 'revision' AS revision FROM crp.model`);
  assert.deepEqual(rows, [{ revision: '2026-11-01' }]);
});

test('what only the later revision allows waits at the others, apply goes on, and they get it with the revision', async () => {
  const { group, sites, after: model } = world;
  const [one, two, three] = sites;
  await two.sql.query(`INSERT INTO test.thing (id, n) VALUES (1, 4), (2, 4)`);
  await group.exchange();
  await take(world, one);
  await one.sql.query('UPDATE test.thing SET n = CASE id WHEN 1 THEN 9 END');
  await one.sql.query('INSERT INTO test.thing (id, n) VALUES (3, 0), (4, 3)');
  await one.sql.query('INSERT INTO test.other (id) VALUES (1)');
  await group.exchange();
  for (const site of [two, three]) {
    assert.deepEqual(await waiting(site), [
      ['1', '9', 'check'],
      ['2', null, 'constraint'],
      ['3', '0', 'check'],
    ]);
    const { rows } = await site.sql.query('SELECT id, n FROM test.thing ORDER BY id');
    assert.deepEqual(
      rows.map(({ id, n }) => [id, n]),
      [
        [1, 4],
        [2, 4],
        [4, 3],
      ],
    );
    assert.equal((await site.sql.query('SELECT FROM test.other')).rowCount, 1);
  }
  // Of a row that waits, other groups are written where it has the older form, and a later value is let in.
  await three.sql.query(`UPDATE test.thing SET note = 'three' WHERE id = 1`);
  await three.sql.query('UPDATE test.thing SET n = 5 WHERE id = 2');
  await group.exchange();
  await take(world, two, one);
  await take(world, three, two);
  await group.exchange();
  await group.assertEqual('all have the revision', model.entities);
  const { rows } = await three.sql.query('SELECT id, n, note FROM test.thing ORDER BY id');
  assert.deepEqual(
    rows.map(({ id, n, note }) => [id, n, note]),
    [
      [1, 9, 'three'],
      [2, 5, null],
      [3, 0, null],
      [4, 3, null],
    ],
  );
  for (const site of sites) assert.deepEqual(await waiting(site), []);
});
