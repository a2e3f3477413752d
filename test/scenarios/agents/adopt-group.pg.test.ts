import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { importTables } from '../../../src/model/import/import-tables.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { digests } from '../../../src/repair/digest.ts';
import type { RowSource } from '../../../src/site/adopt/adopt.ts';
import { readTables } from '../../../src/sql/tables/read-tables.ts';
import { cli } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { LiveSite } from '../../support/live-site.ts';
import { compileTexts } from '../../support/model-text.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/* A group that replicates already gets another model, and later revisions of one, site by site. */

const FROM_ONE: RowSource = { kind: 'from', site: 'one' };
const NOTES = `CREATE TABLE note (id bigserial PRIMARY KEY, text text, reads integer NOT NULL DEFAULT 0)`;

const servers: TestServer[] = [];
let one: LiveSite;
let two: LiveSite;
let notes: Model;

before(async () => {
  servers.push(await startServer(18));
  servers.push(hasDebian15() ? await startServer(15) : servers[0]!);
  one = await LiveSite.make(servers[0]!, 'one', { tables: NOTES, model: LEASES });
  two = await LiveSite.make(servers[1]!, 'two', { tables: NOTES, first: one });
});

after(async () => {
  await one.remove();
  await two.remove();
  for (const server of new Set(servers)) await server.remove();
});

/** A model that adopts tables, as `syncline model import-sql` writes it and a person completes it. */
async function imported(
  client: Client,
  name: string,
  revision: string,
  edit: (text: string) => string,
): Promise<Model> {
  const tables = await readTables(client, { schema: 'public', tables: [name] });
  const text = edit(importTables(tables, { module: name, service: name, revision }));
  const { models, diagnostics } = compileTexts(text);
  assert.equal(models.length, 1, `${JSON.stringify(diagnostics)}\n${text}`);
  return models[0]!;
}

async function equal(model: Model): Promise<void> {
  await eventually('the sites are equal', async () => {
    const [here, there] = [await digests(one.sql, [model]), await digests(two.sql, [model])];
    return JSON.stringify(here) === JSON.stringify(there);
  }).catch(async (error: unknown) => {
    const states = await Promise.all([one, two].map((site) => site.status()));
    throw new Error(`${String(error)}: ${JSON.stringify(states)}`);
  });
}

test('a model is added to a group whose sites take it one after the other; nothing of it is lost or doubled', async () => {
  await one.sql.query(
    `INSERT INTO note (text) SELECT 'old ' || g FROM generate_series(1, 500) AS g`,
  );
  notes = await imported(one.sql, 'note', '2026-11-25', (text) =>
    text
      .replace(
        /crp:entity "note" \{/,
        '$& crp:column-group "reads" { crp:resolve "crp:additive"; }',
      )
      .replace(/(leaf reads \{\s+type int32;)/, '$1 crp:in-group "reads";'),
  );
  await assert.rejects(one.adopt(notes), { code: 'AGENT_UP' });
  await one.adoptAndUp(notes);
  // Changes that the second site has no use for yet; those of the other model do not wait for them.
  await one.sql.query(`UPDATE note SET reads = reads + 1`);
  await one.sql.query(`DELETE FROM note WHERE id <= 100`);
  await one.sql.query(`INSERT INTO leases.lease (address) VALUES (7)`);
  await eventually('the other model goes on', async () => {
    return (await two.number('SELECT count(*) FROM leases.lease WHERE address = 7')) === 1;
  });
  await two.down();
  await assert.rejects(two.adopt(notes), { code: 'MODEL_ELSEWHERE' });
  await two.sql.query(`INSERT INTO note (text) VALUES ('in the way')`);
  await assert.rejects(two.adopt(notes, FROM_ONE), { code: 'ADOPT_NOT_EMPTY' });
  await two.sql.query('DELETE FROM note');

  // The service of the first site writes on while the second takes the rows.
  let stop = false;
  let reads = 0;
  const writing = (async () => {
    for (; !stop; reads++) {
      await one.sql.query('UPDATE note SET reads = reads + 1 WHERE id = 200');
      await one.sql.query('INSERT INTO note (text) VALUES ($1)', [`new ${reads}`]);
    }
  })();
  try {
    await two.adopt(notes, FROM_ONE);
    await two.up();
  } finally {
    stop = true;
    await writing;
  }
  await two.sql.query(`INSERT INTO note (text, reads) VALUES ('of two', 5)`);
  await two.sql.query('UPDATE note SET reads = reads + 10 WHERE id = 200');
  await equal(notes);
  for (const site of [one, two]) {
    assert.equal(await site.number('SELECT reads FROM note WHERE id = 200'), 1 + reads + 10);
    assert.equal(await site.number(`SELECT count(*) FROM note WHERE text LIKE 'new %'`), reads);
    assert.equal(await site.number(`SELECT count(*) FROM note WHERE text = 'of two'`), 1);
    assert.equal(await site.number(`SELECT count(*) FROM crp.conflict WHERE entity = 'note'`), 0);
  }
});

test('a column that one site has first stops nothing; the other gets its values when it has the column', async () => {
  const column =
    'ALTER TABLE note ADD COLUMN stars integer NOT NULL DEFAULT 0, ADD COLUMN mark text';
  await one.sql.query(column);
  const next = await imported(one.sql, 'note', '2026-12-01', (text) =>
    text
      .replace(
        /crp:entity "note" \{/,
        '$& crp:column-group "reads" { crp:resolve "crp:additive"; } crp:column-group "stars" { crp:resolve "crp:additive"; } crp:column-group "mark";',
      )
      .replace(/(leaf reads \{\s+type int32;)/, '$1 crp:in-group "reads";')
      .replace(/(leaf stars \{\s+type int32;)/, '$1 crp:in-group "stars";')
      .replace(/(leaf mark \{\s+type string;)/, '$1 crp:in-group "mark";'),
  );
  await one.adoptAndUp(next);
  const [folder, { dir, adminUrl }] = [mkdtempSync(join(tmpdir(), 'crp-adopt-')), two.site];
  writeFileSync(join(folder, 'next.json'), JSON.stringify(next));
  const missing = await cli(
    'adopt',
    join(folder, 'next.json'),
    '--dir',
    dir,
    '--database',
    adminUrl,
    '--dry-run',
  );
  rmSync(folder, { recursive: true });
  assert.match(missing.stderr, /has no column "stars"/);

  // Both write; the first uses the new columns.
  await one.sql.query(`UPDATE note SET stars = 3, mark = 'early' WHERE id = 201`);
  await one.sql.query(`UPDATE note SET stars = stars + 1, reads = reads + 1 WHERE id = 201`);
  await one.sql.query(`INSERT INTO note (text, mark, stars) VALUES ('marked', 'new', 1)`);
  await two.sql.query(`UPDATE note SET reads = reads + 100, text = 'two' WHERE id = 201`);
  await two.sql.query(`INSERT INTO note (text) VALUES ('without')`);
  const known = { ...notes, entities: [{ ...notes.entities[0]! }] };
  await equal(known);
  assert.equal(await one.number('SELECT stars FROM note WHERE id = 201'), 4);
  // A row that is deleted and one that comes again at the other site have nothing of the old values.
  await one.sql.query(`UPDATE note SET mark = 'dead', stars = 9 WHERE id IN (202, 203)`);
  await equal(known);
  await two.sql.query('DELETE FROM note WHERE id IN (202, 203)');
  await two.sql.query(`INSERT INTO note (id, text) VALUES (203, 'again')`);
  await equal(known);

  await two.sql.query(column);
  await two.adoptAndUp(next, FROM_ONE);
  await two.sql.query('UPDATE note SET stars = stars + 10 WHERE id = 201');
  await equal(next);
  for (const site of [one, two]) {
    const { rows } = await site.sql.query<{
      id: string;
      stars: number;
      mark: string | null;
    }>(
      `SELECT id, stars, mark FROM note WHERE id IN (201, 202, 203) OR text IN ('marked', 'without')
       ORDER BY mark NULLS LAST, id`,
    );
    assert.deepEqual(
      rows.map(({ stars, mark }) => [stars, mark]),
      [
        [14, 'early'],
        [1, 'new'],
        [0, null],
        [0, null],
      ],
    );
    assert.equal(await site.number(`SELECT count(*) FROM crp.conflict WHERE status = 'parked'`), 0);
  }
});

test('both sites keep the rows that they had: verify brings them together, and a value that is taken is left to be settled', async () => {
  const table = 'CREATE TABLE tag (id integer PRIMARY KEY, name text UNIQUE, weight integer)';
  for (const { sql } of [one, two]) await sql.query(table);
  await one.sql.query(
    `INSERT INTO tag VALUES (1, 'same', 1), (2, 'b', 2), (3, 'of one', 3), (5, 'taken', 5)`,
  );
  await two.sql.query(
    `INSERT INTO tag VALUES (1, 'same', 1), (2, 'B', 2), (4, 'of two', 4), (6, 'taken', 6)`,
  );
  const tags = await imported(one.sql, 'tag', '2026-11-27', (text) => text);
  await one.adoptAndUp(tags, { kind: 'first' });
  await two.adoptAndUp(tags, { kind: 'keep' });

  const verify = ['verify', '--entity', 'tag', '--json', '--dir', one.site.dir];
  const found = await cli(...verify);
  assert.equal(found.code, 1, found.stderr);
  const kinds = (JSON.parse(found.stdout) as { differences: { key: { id: string } }[] })
    .differences;
  assert.deepEqual(
    kinds.map(({ key }) => Number(key.id)).toSorted((one, other) => one - other),
    [2, 3, 4, 5, 6],
  );

  const repaired = await cli(...verify, '--repair');
  assert.equal(repaired.code, 1, repaired.stderr);
  const { differences } = JSON.parse(repaired.stdout) as {
    differences: { key: { id: string }; outcome: string; reason?: string }[];
  };
  const outcomes = differences.map(({ key, outcome }) => `${key.id} ${outcome}`).toSorted();
  assert.deepEqual(outcomes, ['2 repaired', '3 repaired', '4 repaired', '5 left', '6 left']);
  for (const { outcome, reason } of differences) {
    if (outcome === 'left') assert.match(reason ?? '', /tag_name_key/);
  }

  // The operator decides which of the two keeps the name.
  await two.sql.query(`UPDATE tag SET name = 'free' WHERE id = 6`);
  assert.equal((await cli(...verify, '--repair')).code, 0);
  await equal(tags);
  const { rows } = await two.sql.query<{ v: string }>(
    `SELECT string_agg(concat_ws(' ', id, lower(name)), ', ' ORDER BY id) AS v FROM tag`,
  );
  assert.equal(rows[0]!.v, '1 same, 2 b, 3 of one, 4 of two, 5 taken, 6 free');
});
