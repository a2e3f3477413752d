import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { importTables } from '../../../src/model/import/import-tables.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { connectPlain, withConnection } from '../../../src/postgres/connect.ts';
import { readTables } from '../../../src/sql/tables/read-tables.ts';
import { AgentSite, cli, refused } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { LiveSite } from '../../support/live-site.ts';
import { compileTexts } from '../../support/model-text.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

/* What the owner of a server, a database or a role may set, and our sessions must not depend on. */

const TABLES = `
  CREATE SCHEMA svc;
  CREATE TYPE svc.mood AS ENUM ('fine', 'bad');
  CREATE TABLE public.thing (id integer PRIMARY KEY, at timestamptz, day date, span interval, ratio float8, blob bytea,
    tags text[], days date[], feeling svc.mood, note text);
  GRANT USAGE ON SCHEMA svc TO PUBLIC`;
/** Names of our own SQL, of which a schema before `pg_catalog` has others. */
const SHADOWS = `
  CREATE FUNCTION svc.md5(text) RETURNS text LANGUAGE sql AS 'SELECT ''0''';
  CREATE FUNCTION svc.quote_ident(text) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
  CREATE FUNCTION svc.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
  CREATE FUNCTION svc.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT timestamptz ''1999-01-01''';
  CREATE FUNCTION svc.never(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';
  CREATE OPERATOR svc.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = svc.never);
  CREATE VIEW svc.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
  GRANT SELECT ON svc.pg_class TO PUBLIC`;
const SETTINGS = [
  ...["default_transaction_isolation = 'serializable'", 'default_transaction_deferrable = on'],
  ...['default_transaction_read_only = on', 'statement_timeout = 1000', 'lock_timeout = 50'],
  ...['idle_in_transaction_session_timeout = 1000', 'idle_session_timeout = 1000'],
  ...['transaction_timeout = 1000', "DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'"],
  ...["TimeZone = 'America/St_Johns'", "bytea_output = 'escape'", 'extra_float_digits = -3'],
  ...['standard_conforming_strings = off', 'array_nulls = off', 'quote_all_identifiers = on'],
  ...['transform_null_equals = on', "xmloption = 'document'", "client_encoding = 'LATIN1'"],
  ...["plpgsql.extra_errors = 'all'", 'exit_on_error = on', 'enable_nestloop = off'],
  ...['work_mem = 64', "password_encryption = 'md5'", 'role = pg_monitor'],
  'search_path = svc, pg_catalog, public',
];

let server: TestServer;
let folder: string;
let leases: string;

before(async () => {
  server = await startServer(18, { log_statement: 'ddl' });
  folder = mkdtempSync(join(tmpdir(), 'crp-settings-'));
  leases = join(folder, 'leases.json');
  writeFileSync(leases, JSON.stringify(LEASES));
});

after(async () => {
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Statements that give the database in which they run the settings. */
function setAll(settings: readonly string[]): string {
  const set = (one: string): string => {
    const text = `ALTER DATABASE %I SET ${one}`.replaceAll("'", "''");
    return `DO $$ BEGIN EXECUTE format('${text}', current_database()); END $$`;
  };
  return settings.map(set).join(';');
}

function imported(): Promise<Model> {
  return server.createDatabase('shape').then((dsn) =>
    withConnection(dsn, 'test', async (client) => {
      await client.query(`${TABLES}; SET search_path = svc, public`);
      const tables = await readTables(client, { schema: 'public' });
      const options = { module: 'things', service: 'things', revision: '2026-11-28' };
      return compileTexts(importTables(tables, options)).models[0]!;
    }),
  );
}

function row(id: number): string {
  return `INSERT INTO public.thing VALUES (${id}, timestamptz '2026-03-04 05:06:07.123456+02', date '2026-03-04',
    make_interval(months => 14, days => -3, secs => 4.5), 0.1::float8 + 0.2::float8, decode('00ff5c61', 'hex'),
    ARRAY['a', NULL, 'NULL'], ARRAY[date '2026-03-04', NULL], 'bad', E'tab\\t back\\\\slash é')`;
}

/** Runs statements as a service whose sessions are as the database says. */
async function serve(live: LiveSite, ...statements: string[]): Promise<void> {
  const client = await connectPlain(live.site.config.database.serviceUrl, 'test service');
  try {
    // The service's own session is not what is tested: a busy machine is slower than the time-outs.
    await client.query(`SET default_transaction_read_only = off; SET idle_session_timeout = 0;
      SET statement_timeout = 0; SET lock_timeout = 0; SET transaction_timeout = 0`);
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function rows(live: LiveSite): Promise<string> {
  const { rows: found } = await live.sql.query<{ t: string }>(
    'SELECT t::text AS t FROM public.thing AS t ORDER BY id',
  );
  return found.map(({ t }) => t).join('\n');
}

async function equal(one: LiveSite, two: LiveSite): Promise<string> {
  let found: string[] = [];
  await eventually('the sites are equal', async () => {
    found = await Promise.all([rows(one), rows(two)]);
    return found[0] === found[1];
  }).catch(async (error: unknown) => {
    const errors = await Promise.all([one, two].map(async (s) => (await s.status())?.lastError));
    throw new Error(`${String(error)} ${found.join('\n\n')} ${JSON.stringify(errors)}`);
  });
  return found[0]!;
}

test('settings of a database change neither what is replicated, nor how conflicts are decided, nor a comparison', async () => {
  const model = await imported();
  const sites: LiveSite[] = [];
  try {
    sites.push(await LiveSite.make(server, 'plain', { tables: `${TABLES}; ${row(1)}`, model }));
    const tables = `${TABLES}; ${SHADOWS}; ${setAll(SETTINGS)}`;
    sites.push(await LiveSite.make(server, 'odd', { tables, first: sites[0]! }));
    const [plain, odd] = sites as [LiveSite, LiveSite];
    await serve(plain, row(2));
    await serve(odd, row(3), `UPDATE public.thing SET tags = ARRAY[NULL, E'\\\\'] WHERE id = 1`);
    assert.match(await equal(plain, odd), /^\(1,"2026-03-04 03:06:07\.123456\+00",2026-03-04,/);
    for (const { site } of sites) site.proxy.set('cut');
    await serve(plain, `UPDATE public.thing SET ratio = 1.0 / 3, days = '{NULL}' WHERE id < 3`);
    await serve(odd, `UPDATE public.thing SET blob = NULL, span = '3 days' WHERE id < 3`);
    for (const { site } of sites) site.proxy.set('open');
    await equal(plain, odd);
    const compared = await cli('verify', '--dir', plain.site.dir);
    assert.equal(compared.code, 0, compared.stdout + compared.stderr);
  } finally {
    for (const site of sites) await site.remove();
  }
});

test('a database of another encoding, or whose sessions fire no triggers, is refused, and nothing is left', async () => {
  const admin = (sql: string): Promise<unknown> =>
    withConnection(server.dsn('postgres'), 'test', (client) => client.query(sql));
  await admin(`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
  await admin('CREATE DATABASE silent');
  await admin('ALTER DATABASE silent SET session_replication_role = replica');
  const init = (database: string): ReturnType<typeof cli> => {
    const where = ['--dir', join(folder, database), '--database', server.dsn(database)];
    return cli('init', '--site', database, '--model', leases, ...where);
  };
  refused(await init('latin'), 'DATABASE_ENCODING', /ENCODING UTF8/);
  refused(await init('silent'), 'SESSIONS_REPLICA', /ALTER DATABASE "silent" RESET/);
  for (const name of ['latin', 'silent']) assert.ok(!existsSync(join(folder, name)));
});

test('a database that has no room, or policies, is named; when that is over the agent goes on', async () => {
  const adminUrl = await server.createDatabase('room');
  const site = await AgentSite.init('room', { adminUrl, model: LEASES });
  const admin = (sql: string): Promise<unknown> =>
    withConnection(adminUrl, 'test', (client) => client.query(sql));
  const agent = 'syncline_room_agent';
  try {
    const log = readFileSync(join(server.cluster.options.data, 'server.log'), 'utf8');
    assert.match(log, /CREATE ROLE "syncline_room_agent"/);
    assert.ok(!log.includes(new URL(site.config.database.url).password), 'no password is logged');
    await site.up();
    await admin(`ALTER ROLE ${agent} CONNECTION LIMIT 0`);
    await admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${agent}'`,
    );
    await eventually('the status says so', async () => {
      const { database, conflicts } = await site.status();
      return conflicts === null && /DATABASE_BUSY/.test(database.error ?? '');
    });
    const said = await cli('status', '--dir', site.dir);
    assert.match(said.stdout, /cannot be asked: .* has no room for the session: too many conn/);
    await admin(`ALTER ROLE ${agent} CONNECTION LIMIT -1`);
    await eventually('it goes on', async () => {
      const { capture, database } = await site.status();
      return capture.state === 'running' && database.error === undefined;
    });
    await admin('ALTER TABLE leases.lease ENABLE ROW LEVEL SECURITY');
    const digest = await cli('digest', '--dir', site.dir);
    assert.equal(digest.code, 1, digest.stdout);
    assert.match(digest.stderr, /row-level security policy for table "lease"/);
  } finally {
    await site.remove();
  }
});
