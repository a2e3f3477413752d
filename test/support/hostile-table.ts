import type { Client } from 'pg';
import type { Column, Model } from '../../src/model/ir/ir.ts';

/** What the owner of a table can have run by whoever writes or reads it. */
const WAYS = [
  ...['trigger', 'deferred', 'held', 'check', 'domain'],
  ...['fallback', 'generated', 'expression', 'predicate'],
] as const;
export type Way = (typeof WAYS)[number];

/**
 * Code of the role `app`, which tries to become the superuser who may have logged in, and notes in sequences, which no
 * ROLLBACK takes back, that it ran, and whether it is a superuser.
 */
const CODE = `
  CREATE SCHEMA app AUTHORIZATION app;
  SET ROLE app;
  GRANT USAGE ON SCHEMA app TO PUBLIC;
  ${WAYS.map((way) => `CREATE SEQUENCE app.ran_${way}; CREATE SEQUENCE app.super_${way}`).join(';')};
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO PUBLIC;
  CREATE FUNCTION app.note(way text) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN
    BEGIN
      RESET SESSION AUTHORIZATION;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    BEGIN
      RESET ROLE;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
    -- Where something may be written, unlike in a base copy that is given.
    IF current_setting('transaction_read_only')::boolean THEN RETURN true; END IF;
    PERFORM nextval('app.ran_' || way);
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      PERFORM nextval('app.super_' || way);
    END IF;
    RETURN true;
  END $$;
  CREATE FUNCTION app.evil(way text, n int DEFAULT 1) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM app.note(way); RETURN n; END';
  CREATE FUNCTION app.fire() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM app.note(TG_ARGV[0]);
    IF NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'held') THEN
      EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT app.note(''held'')';
    END IF;
    RETURN NEW;
  END $$;
  CREATE DOMAIN app.odd AS int CHECK (app.evil('domain', coalesce(VALUE, 0)) IS NOT NULL);
  RESET ROLE`;

const TABLE = (name: string): string => `
  SET ROLE app;
  CREATE TABLE app.${name} (id serial PRIMARY KEY, n app.odd, extra int DEFAULT app.evil('fallback'),
    twice int GENERATED ALWAYS AS (app.evil('generated', id)) STORED, CHECK (app.evil('check', id) IS NOT NULL));
  CREATE INDEX ON app.${name} ((app.evil('expression', id)));
  CREATE INDEX ON app.${name} (id) WHERE app.evil('predicate') = 1;
  CREATE TRIGGER fire BEFORE INSERT ON app.${name} FOR EACH ROW EXECUTE FUNCTION app.fire('trigger');
  CREATE CONSTRAINT TRIGGER late AFTER INSERT ON app.${name} DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION app.fire('deferred');
  RESET ROLE`;

/** Makes such tables, which belong to a role `app`, in a superuser's session. */
export async function plantTables(client: Client, ...names: string[]): Promise<void> {
  await client.query(
    `DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN NULL; END $$; ${CODE}`,
  );
  for (const name of names) await client.query(TABLE(name));
  await ran(client);
}

/** What ran since it was asked last, in a superuser's session. */
export async function ran(client: Client): Promise<{ ways: Way[]; asSuperuser: Way[] }> {
  const of = async (kind: string): Promise<Way[]> => {
    const found: Way[] = [];
    for (const way of WAYS) {
      const { rows } = await client.query<{ called: boolean }>(
        `SELECT is_called AS called FROM app.${kind}_${way}`,
      );
      if (rows[0]!.called) found.push(way);
      await client.query(`ALTER SEQUENCE app.${kind}_${way} RESTART`);
    }
    return found;
  };
  return { ways: await of('ran'), asSuperuser: await of('super') };
}

/** A model that adopts one of the tables. */
export function hostileModel(name: string): Model {
  const column = (column: string, type: string): Column => ({
    ...{ name: column, path: column, type, notNull: column === 'id' },
    ...(column === 'n' ? { group: 'row' } : {}),
  });
  return {
    ...{ irVersion: 1, name, revision: '2026-11-29', service: 's', schema: 'app' },
    entities: [
      {
        ...{ name, path: `/${name}`, table: { schema: 'app', name }, adopted: true as const },
        ...{ tombstone: `${name}_tombstone`, key: ['id'], uniques: [], references: [], checks: [] },
        columns: [column('id', 'integer'), column('n', 'app.odd')],
        groups: [{ name: 'row', stamp: '_crp_row', columns: ['n'], method: 'latest-timestamp' }],
        fireAlways: ['fire', 'late'],
      },
    ],
  };
}
