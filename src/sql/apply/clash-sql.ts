import { ident } from '../../model/ir/names.ts';
import { columnList, tableOf } from '../names/apply-names.ts';
import type { Shape } from '../names/shape.ts';

/** A unique index of a table, other than the primary key. */
export interface UniqueIndex {
  name: string;
  /** SQL of each key column over the table's columns: a quoted name or an expression, with the index's collation. */
  expressions: string[];
  /** The operator by which the index calls two values of each equal: `OPERATOR(public.=)` of an extension's type. */
  equals: string[];
  /** Names of the columns; of an index over expressions only those that are plain. */
  columns: string[];
  /** SQL of a partial index's predicate. */
  predicate: string | null;
  /** NULLS NOT DISTINCT. */
  nullsEqual: boolean;
}

/** The unique indexes of a table (`$1` schema, `$2` name); by the catalogue's indexes. */
export const UNIQUE_INDEXES = `
  SELECT c.relname AS name,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, k.n::integer, true)
        || CASE WHEN l.oid IS NULL THEN '' ELSE format(' COLLATE %s.%I', l.collnamespace::regnamespace, l.collname) END
      FROM unnest(i.indcollation::oid[]) WITH ORDINALITY AS k(coll, n)
      LEFT JOIN pg_collation AS l ON l.oid = k.coll AND l.oid <> 'pg_catalog."default"'::regcollation
      WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS expressions,
    ARRAY(SELECT CASE WHEN o.oid IS NULL THEN '=' ELSE format('OPERATOR(%s.%s)', o.oprnamespace::regnamespace, o.oprname) END
      FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS k(class, n) JOIN pg_opclass AS f ON f.oid = k.class
      JOIN pg_am AS m ON m.oid = f.opcmethod
      LEFT JOIN pg_amop AS p ON p.amopfamily = f.opcfamily AND p.amopstrategy = 3 AND m.amname = 'btree'
        AND p.amoplefttype = f.opcintype AND p.amoprighttype = f.opcintype
      LEFT JOIN pg_operator AS o ON o.oid = p.amopopr
      WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS equals,
    ARRAY(SELECT a.attname::text FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k(attnum, n)
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
      WHERE k.n <= i.indnkeyatts ORDER BY k.n) AS columns,
    pg_get_expr(i.indpred, i.indrelid) AS predicate, i.indnullsnotdistinct AS "nullsEqual"
  FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
  WHERE i.indrelid = to_regclass(format('%I.%I', $1::text, $2::text)) AND i.indisunique AND i.indislive
    AND NOT i.indisprimary
  ORDER BY c.relname`;

/**
 * Rows of the table that have the index's values of a row that is not in it, locked. Parameters: one text a
 * shape column. The result has the shape's columns, as text. Relies on the index itself.
 */
export function incumbents(shape: Shape, index: UniqueIndex): string {
  const { entity, columns } = shape;
  const values = columns.map(
    ({ name, type }, place) => `$${place + 1}::text::${type} AS ${ident(name)}`,
  );
  const wanted = index.expressions.map((expression, place) => `(${expression}) AS _crp_u${place}`);
  const filter = index.predicate === null ? '' : ` WHERE ${index.predicate}`;
  const same = index.expressions.map((_, place) => {
    const [theirs, ours] = [`e._crp_u${place}`, `w._crp_u${place}`];
    const equal = `${theirs} ${index.equals[place]!} ${ours}`;
    return index.nullsEqual ? `(${equal} OR (${theirs} IS NULL AND ${ours} IS NULL))` : equal;
  });
  const key = entity.key.map((name) => `e.${ident(name)} IS DISTINCT FROM w.${ident(name)}`);
  const keys = columnList(entity.key);
  return (
    `SELECT ${columns.map(({ name }) => `t.${ident(name)}::text`).join(', ')} FROM ${tableOf(entity)} AS t ` +
    `WHERE (${columnList(entity.key, 't')}) IN (SELECT ${columnList(entity.key, 'e')} ` +
    `FROM (SELECT ${keys}, ${wanted.join(', ')} FROM ${tableOf(entity)}${filter}) AS e, ` +
    `(SELECT ${keys}, ${wanted.join(', ')} FROM (SELECT ${values.join(', ')}) AS v${filter}) AS w ` +
    `WHERE ${same.join(' AND ')} AND (${key.join(' OR ')})) FOR UPDATE OF t`
  );
}

/** One row by its key, locked, and its tombstone. Parameters: one text a key column, in the shape's order. */
export function readOne(shape: Shape): string {
  const { entity, columns } = shape;
  const keys = columns.filter(({ name }) => entity.key.includes(name));
  const same = (alias: string): string =>
    keys
      .map(({ name, type }, place) => `${alias}.${ident(name)} = $${place + 1}::text::${type}`)
      .join(' AND ');
  const values = columns.map(({ name }) => `e.${ident(name)}::text`).join(', ');
  return (
    `SELECT ${values}, e._crp_found::text, t.birth::text, t.stamp::text ` +
    `FROM (SELECT 1) AS one LEFT JOIN LATERAL (SELECT true AS _crp_found, x.* FROM ${tableOf(entity)} AS x ` +
    `WHERE ${same('x')} FOR UPDATE) AS e ON true LEFT JOIN crp.${ident(entity.tombstone)} AS t ON ${same('t')}`
  );
}
