/** What PostgreSQL's catalogue says of a table that is to be adopted (PostgreSQL manual, chapter 53). */
import type { Client } from 'pg';
import type { SqlName } from '../../model/ir/names.ts';

export interface TableFacts {
  /** `pg_class.relkind`: `r` ordinary, `p` partitioned, `v` view, `f` foreign … */
  kind: string;
  /** `pg_class.relpersistence`: `p` permanent, `u` unlogged, `t` temporary. */
  persistence: string;
  partition: boolean;
  /** It inherits from another table, or another one from it. */
  inherits: boolean;
  /** It is made of a type (CREATE TABLE … OF), and gets no column of its own. */
  typed: boolean;
  rowSecurity: boolean;
  rules: string[];
  columns: ColumnFacts[];
  /** Schemas of the types, functions and operators that columns, defaults and indexes are made of, but PostgreSQL's own. */
  uses: string[];
  /** Columns of the primary key; empty without one. */
  primaryKey: string[];
  /** Those of them of which two values can be equal to the index and not be the same, as of `citext` and `numeric`. */
  looseKey: string[];
  /** Its primary key is DEFERRABLE, and ON CONFLICT cannot use it. */
  deferrableKey: boolean;
  /** It is one WITHOUT OVERLAPS (PostgreSQL 18), which ON CONFLICT cannot use either. */
  overlapKey: boolean;
  /** Publications of others under which PostgreSQL refuses UPDATE and DELETE of a table with REPLICA IDENTITY FULL. */
  narrowPublications: string[];
  /** PostgreSQL's own subscriptions that write to it. */
  subscriptions: string[];
  /** Those that PostgreSQL enforces. */
  foreignKeys: { name: string; columns: string[] }[];
  triggers: TriggerFacts[];
}

export interface ColumnFacts {
  name: string;
  /** As `format_type()` prints it. */
  type: string;
  /** The type of the model is the same type, whatever it is called. */
  oid: number;
  /** Values have a binary form on the wire. */
  binary: boolean;
  notNull: boolean;
  hasDefault: boolean;
  /** `s` STORED, `v` VIRTUAL (PostgreSQL 18). */
  generated: string;
  /** `a` GENERATED ALWAYS AS IDENTITY, `d` BY DEFAULT. */
  identity: string;
  /** The sequence that it takes its values from. */
  sequence?: SequenceFacts;
}

export interface SequenceFacts extends SqlName {
  increment: number;
  cycles: boolean;
}

export interface TriggerFacts {
  name: string;
  /** `pg_trigger.tgenabled`: `O` origin, `A` always, `R` replica, `D` disabled. */
  enabled: string;
  /** BEFORE, for each row. */
  before: boolean;
}

/** @returns undefined when there is no such relation */
export async function readTableFacts(
  client: Client,
  table: SqlName,
): Promise<TableFacts | undefined> {
  const { rows } = await client.query<TableRow>(TABLE, [table.schema, table.name]);
  const found = rows[0];
  if (found === undefined) return undefined;
  const { oid, ...facts } = found;
  return {
    ...facts,
    columns: await readColumns(client, oid),
    triggers: (await client.query<TriggerFacts>(TRIGGERS, [oid])).rows,
  };
}

type TableRow = Omit<TableFacts, 'columns' | 'triggers'> & { oid: number };

/**
 * Whether a column of a primary key, of operator class `k.class` and collation `k.coll`, has values that are equal and
 * not the same: its class does not say by `equalimage` (PostgreSQL manual, 65.1.3) that there are none, or its collation is
 * not deterministic. A `numeric(p,s)` has always s digits after the point, and of a `bpchar` without a length blanks at the
 * end do not count. Classes of extensions have operators that are not on our functions' search path.
 */
const LOOSE = `(a.atttypid = 'bpchar'::regtype AND a.atttypmod = -1) OR NOT (
  (a.atttypid = 'numeric'::regtype AND a.atttypmod <> -1)
  OR EXISTS (SELECT FROM pg_type AS d WHERE d.oid = a.atttypid AND d.typbasetype = 'numeric'::regtype AND d.typtypmod <> -1)
  OR EXISTS (SELECT FROM pg_opclass AS o JOIN pg_am AS m ON m.oid = o.opcmethod
      JOIN pg_amproc AS p ON p.amprocfamily = o.opcfamily AND p.amproclefttype = o.opcintype AND p.amprocnum = 4
      LEFT JOIN pg_collation AS l ON l.oid = k.coll
    WHERE o.oid = k.class AND m.amname = 'btree' AND o.opcnamespace = 'pg_catalog'::regnamespace
      AND l.collisdeterministic IS NOT FALSE))`;

const KEY = `
      FROM pg_index AS x
      CROSS JOIN unnest(x.indkey::int[], x.indclass::oid[], x.indcollation::oid[])
        WITH ORDINALITY AS k (number, class, coll, place)
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
      WHERE x.indrelid = c.oid AND x.indisprimary AND k.place <= x.indnkeyatts`;

/** Each dependency of the table, of its defaults and of its indexes on what has a schema, and what domains are made of; the
 * catalogue's own are not noted. */
const USES = `
    SELECT DISTINCT n.nspname::text FROM pg_depend AS d
    LEFT JOIN pg_type AS t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
    LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
    LEFT JOIN pg_proc AS p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
    LEFT JOIN pg_operator AS o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_opclass AS f ON d.refclassid = 'pg_opclass'::regclass AND f.oid = d.refobjid
    LEFT JOIN pg_collation AS l ON d.refclassid = 'pg_collation'::regclass AND l.oid = d.refobjid
    JOIN pg_namespace AS n
      ON n.oid IN (t.typnamespace, b.typnamespace, p.pronamespace, o.oprnamespace, f.opcnamespace, l.collnamespace)
    WHERE n.nspname <> 'pg_catalog' AND (
      (d.classid = 'pg_class'::regclass
        AND (d.objid = c.oid OR d.objid IN (SELECT i.indexrelid FROM pg_index AS i WHERE i.indrelid = c.oid)))
      OR (d.classid = 'pg_attrdef'::regclass AND d.objid IN (SELECT e.oid FROM pg_attrdef AS e WHERE e.adrelid = c.oid)))
    ORDER BY 1`;

/**
 * Publications that leave columns out, by a list, or generated ones from version 18 on: the old row that UPDATE and DELETE
 * write into the WAL must be one of their columns whole (PostgreSQL manual, 29.5).
 */
const NARROW = `
    SELECT p.pubname::text FROM pg_publication AS p
    LEFT JOIN pg_publication_rel AS r ON r.prpubid = p.oid AND r.prrelid = c.oid
    WHERE p.pubname <> 'crp' AND (p.pubupdate OR p.pubdelete) AND (r.prattrs IS NOT NULL OR (
      to_jsonb(p)->>'pubgencols' = 'n'
      AND (p.puballtables OR r.oid IS NOT NULL OR EXISTS (
        SELECT FROM pg_publication_namespace AS s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace))
      AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attgenerated = 's' AND NOT a.attisdropped)))
    ORDER BY 1`;

const TABLE = `
  SELECT c.oid::bigint::float8 AS oid, c.relkind::text AS kind, c.relpersistence::text AS persistence,
    c.relispartition AS partition, c.relrowsecurity AS "rowSecurity",
    EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits,
    ARRAY(SELECT r.rulename::text FROM pg_rewrite AS r WHERE r.ev_class = c.oid AND r.ev_type <> '1'
          ORDER BY 1) AS rules,
    ARRAY(${USES}) AS uses,
    coalesce((SELECT array_agg(a.attname::text ORDER BY k.place) ${KEY}), '{}') AS "primaryKey",
    coalesce((SELECT array_agg(a.attname::text ORDER BY k.place) ${KEY} AND (${LOOSE})), '{}') AS "looseKey",
    EXISTS (SELECT FROM pg_constraint AS p WHERE p.conrelid = c.oid AND p.contype = 'p' AND p.condeferrable)
      AS "deferrableKey",
    c.reloftype <> 0 AS typed,
    EXISTS (SELECT FROM pg_index AS x WHERE x.indrelid = c.oid AND x.indisprimary AND x.indisexclusion) AS "overlapKey",
    ARRAY(${NARROW}) AS "narrowPublications",
    ARRAY(SELECT s.subname::text FROM pg_subscription_rel AS r JOIN pg_subscription AS s ON s.oid = r.srsubid
          WHERE r.srrelid = c.oid ORDER BY 1) AS subscriptions,
    coalesce((SELECT json_agg(json_build_object('name', f.conname, 'columns', ARRAY(
          SELECT a.attname FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number ORDER BY k.place)) ORDER BY f.conname)
        FROM pg_constraint AS f WHERE f.conrelid = c.oid AND f.contype = 'f'
          -- Before version 18 all are enforced.
          AND to_jsonb(f)->>'conenforced' IS DISTINCT FROM 'false'), '[]') AS "foreignKeys"
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind NOT IN ('i', 'I', 'S', 'c', 't')`;

/** Bits of `tgtype`: 1 for each row, 2 BEFORE, 4 INSERT, 16 UPDATE (pg_trigger.h). */
const TRIGGERS = `
  SELECT tgname::text AS name, tgenabled::text AS enabled, tgtype & 3 = 3 AND tgtype & 20 <> 0 AS before
  FROM pg_trigger WHERE tgrelid = $1::oid AND NOT tgisinternal ORDER BY tgname`;

const COLUMNS = `
  SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.atttypid::bigint::float8 AS oid, t.typsend <> 0 AND t.typreceive <> 0 AS binary,
    a.attnotnull AS "notNull", d.oid IS NOT NULL OR a.attidentity <> '' AS "hasDefault",
    a.attgenerated::text AS generated, a.attidentity::text AS identity,
    (SELECT json_build_object('schema', n.nspname, 'name', c.relname,
        'increment', s.seqincrement::float8, 'cycles', s.seqcycle)
     FROM pg_depend AS p JOIN pg_sequence AS s ON s.seqrelid = CASE
        WHEN p.classid = 'pg_class'::regclass THEN p.objid ELSE p.refobjid END
     JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
     -- The default refers to the sequence; an identity column owns one.
     WHERE (p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass)
        OR (p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass
            AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum AND p.deptype = 'i')
     LIMIT 1) AS sequence
  FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

async function readColumns(client: Client, table: number): Promise<ColumnFacts[]> {
  const { rows } = await client.query<ColumnFacts & { sequence: SequenceFacts | null }>(COLUMNS, [
    table,
  ]);
  return rows.map(({ sequence, ...column }) =>
    sequence === null ? column : { ...column, sequence },
  );
}

/** The oids of types by the names that a model gives them; null where the server has no such type. */
export async function typeOids(
  client: Client,
  names: readonly string[],
): Promise<ReadonlyMap<string, number | null>> {
  const { rows } = await client.query<{ name: string; oid: number | null }>(
    'SELECT name, to_regtype(name)::oid::bigint::float8 AS oid FROM unnest($1::text[]) AS name',
    [[...new Set(names)]],
  );
  return new Map(rows.map(({ name, oid }) => [name, oid]));
}
