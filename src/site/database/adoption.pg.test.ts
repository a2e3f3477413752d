import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import type { AppError } from '../../base/errors.ts';
import type { Column, Entity, Model } from '../../model/ir/ir.ts';
import { connect, withConnection } from '../../postgres/connect.ts';
import { hasDebian15, startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { REFUSED } from '../../../test/support/refused-tables.ts';
import { checkRolling } from '../adopt/adopt-rolling.ts';
import { checkAdoptions, requireEmpty, withTableLocks } from './adoption.ts';
import { runAll } from '../../postgres/transaction.ts';
import { adoptTablesDdl } from '../../sql/ddl/install-ddl.ts';
import { readTableFacts } from '../../sql/tables/table-facts.ts';

/** Types of the keys that are no integers, by table. */
const KEYS: Readonly<Record<string, string>> = {
  ...{
    small: 'smallint',
    number: 'numeric',
    digits: 'numeric[]',
    folded: 'text',
    padded: 'bpchar',
  },
};

const servers: TestServer[] = [];

before(async () => {
  servers.push(await startServer(18));
  if (hasDebian15()) servers.push(await startServer(15));
});

after(async () => {
  for (const server of servers) await server.remove();
});

function entityOf(name: string, more: Partial<Entity> = {}): Entity {
  const id: Column = { name: 'id', path: 'id', type: KEYS[name] ?? 'integer', notNull: true };
  return {
    ...{ name, path: `/t/${name}`, table: { schema: 'public', name }, adopted: true as const },
    ...{ tombstone: `${name}_tombstone`, key: ['id'], uniques: [], references: [], checks: [] },
    columns: [
      id,
      {
        name: 'n',
        path: 'n',
        type: name === 'objects' ? 'regclass' : 'integer',
        notNull: false,
        group: 'row',
      },
    ],
    groups: [{ name: 'row', stamp: '_crp_row', columns: ['n'], method: 'latest-timestamp' }],
    ...more,
  };
}

function modelOf(...entities: Entity[]): Model {
  return {
    ...{ irVersion: 1, name: 'm', revision: '2026-11-25', service: 's', schema: 's', entities },
  };
}

async function forEachServer(
  name: string,
  work: (client: Client, dsn: string) => Promise<void>,
): Promise<void> {
  for (const server of servers) {
    const dsn = await server.createDatabase(name);
    await withConnection(dsn, 'test', (client) => work(client, dsn));
  }
}

test('every reason why a table cannot be adopted is named, all at once, and nothing is changed', async () => {
  await forEachServer('refused', async (client) => {
    await client.query(
      `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
    );
    for (const [name, sql] of REFUSED) await client.query(sql.replaceAll('%', name));
    const entities = REFUSED.map(([name]) =>
      entityOf(name, name === 'silent' ? { fireAlways: ['absent'] } : {}),
    );
    const error = await checkAdoptions(client, [modelOf(...entities)], 17).catch((e: unknown) => e);
    assert.equal((error as AppError).code, 'ADOPT_REFUSED');
    const lines = (error as AppError).message.split('\n  - ').slice(1);
    for (const [name, , expected] of REFUSED) {
      const about = lines.filter((line) => line.startsWith(`table "public.${name}" `));
      assert.equal(about.length, 1, `${name}: ${about.join(' | ')}`);
      assert.match(about[0]!, expected);
    }
    assert.equal(lines.length, REFUSED.length);
  });
});

test('a key may be a number that keeps its digits, whatever its domain, and of any other type whose equal values are the same', async () => {
  await forEachServer('keys', async (client) => {
    await client.query(
      `CREATE DOMAIN price AS numeric(9,2); CREATE TYPE mood AS ENUM ('fine'); CREATE TABLE exact (id price, n int, PRIMARY KEY (id))`,
    );
    const types = ['price', 'numeric(9,2)', 'mood', 'text', 'uuid', 'inet', 'timestamptz', 'bytea'];
    for (const type of types) {
      await client.query(`ALTER TABLE exact DROP COLUMN id, ADD COLUMN id ${type} PRIMARY KEY`);
      const facts = await readTableFacts(client, { schema: 'public', name: 'exact' });
      assert.deepEqual(facts!.looseKey, [], type);
    }
  });
});

test('NaN where differences are added is refused, with how many rows have it', async () => {
  await withConnection(await servers[0]!.createDatabase('nan'), 'test', async (client) => {
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, n numeric(9,2) NOT NULL);
      INSERT INTO t VALUES (1, 1), (2, 'NaN')`);
    const entity = entityOf('t');
    entity.columns[1]!.type = 'numeric(9,2)';
    entity.groups[0]!.method = 'additive';
    const check = (): Promise<unknown> => checkAdoptions(client, [modelOf(entity)], 1);
    await assert.rejects(check(), /has NaN in 1 rows of "n".* UPDATE "public"."t" SET "n" = 0/);
    await client.query(`UPDATE t SET n = 0 WHERE n = 'NaN'`);
    await check();
  });
});

test('a key of a replicated table that is refused is mended as the refusal says, under the model that it has', async () => {
  await withConnection(await servers[0]!.createDatabase('mended'), 'test', async (client) => {
    await client.query(`CREATE EXTENSION citext; CREATE SCHEMA crp;
      CREATE TABLE word (id citext PRIMARY KEY, n int, _crp_birth bigint);
      CREATE TABLE crp.word_tombstone (id citext PRIMARY KEY); CREATE TABLE crp.word_history (id citext)`);
    const entity = entityOf('word', { history: 'word_history' });
    entity.columns[0]!.type = 'citext';
    const check = (): Promise<unknown> => checkAdoptions(client, [modelOf(entity)], 1);
    const refused = await check().catch((error: unknown) => (error as Error).message);
    const statements = /: (ALTER TABLE .*); at every site/.exec(String(refused))?.[1];
    assert.equal(statements?.split('; ').length, 3, String(refused));
    await client.query(statements!);
    await check();
    const left = `SELECT FROM pg_attribute WHERE attname = 'id' AND atttypid = 'citext'::regtype`;
    assert.equal((await client.query(left)).rowCount, 0);
  });
});

test('a virtual generated column is refused from version 18 on, since PostgreSQL refuses its updates', async () => {
  await withConnection(await servers[0]!.createDatabase('virtual'), 'test', async (client) => {
    await client.query(
      'CREATE TABLE v (id int PRIMARY KEY, n int, m int GENERATED ALWAYS AS (n + 1) VIRTUAL)',
    );
    await assert.rejects(
      checkAdoptions(client, [modelOf(entityOf('v'))], 1),
      /virtual generated column "m"/,
    );
    // The reason: what PostgreSQL says of such a table.
    await client.query('ALTER TABLE v REPLICA IDENTITY FULL; CREATE PUBLICATION p FOR TABLE v');
    await client.query('INSERT INTO v VALUES (1, 1)');
    await assert.rejects(client.query('UPDATE v SET n = 2'), /cannot update/);
  });
});

test('of version 18 a key WITHOUT OVERLAPS is refused, and a publication without generated columns', async () => {
  await withConnection(await servers[0]!.createDatabase('later'), 'test', async (client) => {
    await client.query(
      `CREATE EXTENSION btree_gist;
       CREATE TABLE spans (id int, n int4range, PRIMARY KEY (id, n WITHOUT OVERLAPS));
       CREATE TABLE sums (id int PRIMARY KEY, n int, m int GENERATED ALWAYS AS (n + 1) STORED);
       CREATE PUBLICATION everything FOR ALL TABLES`,
    );
    const spans = entityOf('spans', { key: ['id', 'n'] });
    spans.columns[1]!.type = 'int4range';
    await assert.rejects(checkAdoptions(client, [modelOf(spans)], 1), /key WITHOUT OVERLAPS/);
    const sums = [modelOf(entityOf('sums'))];
    await assert.rejects(checkAdoptions(client, sums, 1), /publication "everything"/);
    await client.query('ALTER PUBLICATION everything SET (publish_generated_columns = stored)');
    await checkAdoptions(client, sums, 1);
  });
});

test('more columns than apply has room for are refused; what nothing keeps apart or together is noted', async () => {
  await forEachServer('broad', async (client) => {
    const names = Array.from({ length: 551 }, (_, number) => `c${number}`);
    const columns = names.map((name) => ({ ...entityOf('t').columns[1]!, name, path: name }));
    await client.query(
      `CREATE SEQUENCE bills; CREATE TABLE other (a int, b int, PRIMARY KEY (a, b));
       CREATE TABLE t (id int PRIMARY KEY, ${names.map((name) => `${name} int`).join(', ')},
         n text DEFAULT 'b' || nextval('bills'), CONSTRAINT far FOREIGN KEY (id, c0) REFERENCES other)`,
    );
    const entity = entityOf('t');
    entity.columns[1]!.type = 'text';
    const check = (more: number): ReturnType<typeof checkAdoptions> => {
      const wide = { ...entity, columns: [...entity.columns, ...columns.slice(0, more)] };
      return checkAdoptions(client, [modelOf(wide)], 1);
    };
    await assert.rejects(
      check(550),
      /554 replicated columns with the hidden ones, .* room for 553/,
    );
    const { notes } = await check(549);
    const said = notes.filter((note) => !note.includes('stays with the site'));
    assert.match(said[0]!, /"n" \(text\) is made of values of sequence "public.bills"/);
    assert.match(said[1]!, /foreign key "far" \(id, c0\) is not in the model/);
    assert.equal(said.length, 2);
  });
});

test('a column that a program adds must have a default for the rows of sites that lack it', async () => {
  const n = entityOf('t').columns[1]!;
  const late = { ...n, name: 'm', path: 'm', group: 'm', notNull: true };
  const entity = entityOf('t');
  entity.columns.push(late);
  entity.groups.push({ ...entity.groups[0]!, name: 'm', stamp: '_crp_m', columns: ['m'] });
  const [old, now] = [modelOf(entityOf('t')), modelOf(entity)];
  await withConnection(await servers[0]!.createDatabase('late_column'), 'test', async (client) => {
    await client.query('CREATE TABLE t (id int PRIMARY KEY, n int, m int NOT NULL)');
    const check = async (): Promise<void> => {
      const { tables } = await checkAdoptions(client, [now], 1);
      await checkRolling(client, { before: old, after: now, tables });
    };
    await assert.rejects(check(), /"t": column "m" is NOT NULL and without a default/);
    await client.query('ALTER TABLE t ALTER COLUMN m SET DEFAULT 0');
    await check();
  });
});

test('lengths must be the table’s, names of types need not be', async () => {
  await forEachServer('types', async (client) => {
    await client.query('CREATE TABLE t (id int4 PRIMARY KEY, n varchar(5))');
    const check = (type: string): Promise<unknown> => {
      const entity = entityOf('t');
      entity.columns[1]!.type = type;
      return checkAdoptions(client, [modelOf(entity)], 1);
    };
    await check('varchar(5)');
    await check('character varying(5)');
    await assert.rejects(check('varchar(6)'), /character varying\(5\)/);
    await assert.rejects(check('nonsense'), /character varying\(5\)/);
  });
});

test('a table in use is tried again and again for a bounded time, and the service goes on in between', async () => {
  await forEachServer('busy', async (client, dsn) => {
    await client.query('CREATE TABLE t (id int PRIMARY KEY, n int)');
    const entities = [entityOf('t')];
    const holder = await connect(dsn, 'the long report');
    await holder.query('BEGIN; LOCK TABLE t IN ACCESS SHARE MODE');
    const options = { entities, policy: { timeoutMs: 50, attempts: 2 } };
    let worked = 0;
    const work = async (lock: () => Promise<void>): Promise<void> => {
      await lock();
      worked += 1;
    };
    const error = (await withTableLocks(client, options, work).catch(
      (e: unknown) => e,
    )) as AppError;
    assert.equal(error.code, 'ADOPT_BUSY');
    assert.match(error.hint!, /the long report/);
    assert.equal(worked, 0);
    const patient = withTableLocks(
      client,
      { entities, policy: { timeoutMs: 50, attempts: 20 } },
      work,
    );
    await holder.query('COMMIT');
    await patient;
    assert.equal(worked, 1);
    await holder.end();
  });
});

test('each site gives out the values that leave its number, above all that were given out', async () => {
  await forEachServer('stride', async (client) => {
    await client.query('CREATE TABLE t (id serial PRIMARY KEY, n int); CREATE PUBLICATION crp');
    await client.query('INSERT INTO t (n) SELECT 1 FROM generate_series(1, 200)');
    await client.query('INSERT INTO t (id) VALUES (250)');
    const { tables } = await checkAdoptions(client, [modelOf(entityOf('t'))], 3);
    const stride = async (above?: string): Promise<void> => {
      const options = { site: 3, serverMajor: 15 };
      const all = adoptTablesDdl(tables, {
        ...options,
        ...(above === undefined ? {} : { above: new Map([['public.t_id_seq', above]]) }),
      });
      await runAll(
        client,
        all.filter((statement) => statement.includes('RESTART')),
      );
    };
    const next = async (): Promise<number> =>
      (await client.query<{ id: number }>('INSERT INTO t (n) VALUES (2) RETURNING id')).rows[0]!.id;
    await stride();
    assert.deepEqual([await next(), await next()], [259, 259 + 128]);
    await stride('1000');
    assert.equal(await next(), 1027);
    await assert.rejects(stride('2147483640'), /no values left/);
    assert.equal(await next(), 1027 + 128);
  });
});

test('rows in the way of a base copy are named', async () => {
  await forEachServer('empty', async (client) => {
    await client.query('CREATE TABLE t (id int PRIMARY KEY, n int)');
    const models = [{ ir: modelOf(entityOf('t')) }];
    await requireEmpty(client, models);
    await client.query('INSERT INTO t VALUES (1)');
    await assert.rejects(requireEmpty(client, models), /"public.t" has rows/);
  });
});
