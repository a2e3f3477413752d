import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentSite } from '../../test/support/agents.ts';
import { LEASES } from '../../test/support/lease-model.ts';
import { modelOf } from '../../test/support/rules-model.ts';
import { hostileModel, plantTables, ran } from '../../test/support/hostile-table.ts';
import { hasDebian15, startServer } from '../../test/support/server.ts';
import { silentLog } from '../base/log.ts';
import { connect, withConnection } from '../postgres/connect.ts';
import { adoptModel } from './adopt/adopt.ts';
import type { RowSource } from './adopt/adopt.ts';
import { refreshSite } from './database/layout.ts';
import { DEFAULT_LOCKING } from './database/adoption.ts';

/** Better than PostgreSQL's own operator for an oid and a regclass, which has to convert one of them. */
const PLANTED = `
  CREATE FUNCTION public.planted(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    INSERT INTO public.ran VALUES (current_user);
    RETURN $1::int8 = $2::oid::int8;
  END $$;
  CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.planted);
  CREATE TABLE public.ran (role name);
  GRANT ALL ON public.ran TO PUBLIC`;

test('the owner of a database runs nothing as the superuser who makes a site of it', async () => {
  const server = await startServer(18);
  let site: AgentSite | undefined;
  try {
    const adminUrl = await server.createDatabase('apps');
    const admin = await connect(adminUrl, 'test');
    await admin.query(
      `CREATE ROLE app; ALTER DATABASE apps OWNER TO app; SET ROLE app; ${PLANTED}`,
    );
    await admin.query(`RESET ROLE; SELECT FROM pg_class WHERE oid = 'pg_class'::regclass`);
    const ran = await admin.query('DELETE FROM public.ran RETURNING role::text');
    assert.deepEqual(ran.rows[0], { role: 'postgres' }, 'so it is planted well');
    site = await AgentSite.init('a', { adminUrl, model: LEASES });
    await refreshSite(site.config, { adminUrl, locking: DEFAULT_LOCKING, always: true });
    const { rows } = await admin.query('SELECT DISTINCT role::text FROM public.ran');
    assert.deepEqual(
      rows.filter(({ role }: { role: string }) => role === 'postgres'),
      [],
    );
    await refusesTypes(await server.createDatabase('types'));
    await admin.end();
  } finally {
    await site?.remove();
    await server.remove();
  }
});

/** Types are not looked for there either; what to do is said. */
async function refusesTypes(adminUrl: string): Promise<void> {
  await withConnection(adminUrl, 'test', (client) =>
    client.query('ALTER DATABASE types OWNER TO app; CREATE EXTENSION citext'),
  );
  const model = modelOf(`list word { key id; crp:entity "word"; leaf id { type int32; }
    leaf name { type string; crp:sql-column "name" { crp:sql-type "citext"; } } }`);
  await assert.rejects(AgentSite.init('b', { adminUrl, model }), {
    code: 'DATABASE_PATH',
    hint: /"public"/,
  });
}

test('what the owner of an adopted table attached to it runs as no superuser, wherever its rows come from', async () => {
  // Before version 18 what is deferred runs as whoever commits.
  const server = await startServer(hasDebian15() ? 15 : 18);
  const sites: AgentSite[] = [];
  try {
    const urls = [await server.createDatabase('one'), await server.createDatabase('two')] as const;
    for (const url of urls) await withConnection(url, 'test', (c) => plantTables(c, 'm', 'u'));
    const ranAt = (url: string): ReturnType<typeof ran> => withConnection(url, 'test', ran);
    const rows = `INSERT INTO app.m (n) VALUES (1); INSERT INTO app.u (n) VALUES (1)`;
    await withConnection(urls[0], 'test', (client) => client.query(rows));
    const all = await ranAt(urls[0]);
    assert.deepEqual(all.asSuperuser, all.ways, 'so it is planted well');

    const one = await AgentSite.init('one', { adminUrl: urls[0], model: hostileModel('m') });
    sites.push(one);
    assert.deepEqual(await ranAt(urls[0]), { ways: ['predicate'], asSuperuser: [] });
    await one.up();
    const two = await AgentSite.join(await one.invite('two', 2), { adminUrl: urls[1] });
    sites.push(two);
    assert.deepEqual(await ranAt(urls[1]), { ways: all.ways, asSuperuser: [] });
    await one.end('SIGTERM');
    await adopt(one, { kind: 'first' });
    assert.deepEqual(await ranAt(urls[0]), { ways: ['predicate'], asSuperuser: [] });
    await one.up();
    await adopt(two, { kind: 'from', site: 'one' });
    assert.deepEqual(await ranAt(urls[1]), { ways: all.ways, asSuperuser: [] });
  } finally {
    for (const site of sites) await site.remove();
    await server.remove();
  }
});

async function adopt({ dir: root, adminUrl }: AgentSite, source: RowSource): Promise<void> {
  const model = { ir: hostileModel('u'), hash: 'u' };
  await adoptModel({
    ...{ root, model, source, adminUrl, locking: DEFAULT_LOCKING, log: silentLog() },
  });
}
