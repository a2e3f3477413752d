import type { Client } from 'pg';
import type { Entity, Model } from '../model/ir/ir.ts';
import { replicatedColumns } from '../model/ir/replicated.ts';
import { columnList, tableOf } from '../sql/names/apply-names.ts';
import { expiredAt } from '../sql/ddl/expiry-sql.ts';
import { hiddenNames } from '../sql/names/shape.ts';

/** An entity's data in short. Equal data with equal stamps give equal digests, in any row order. */
export interface EntityDigest {
  entity: string;
  rows: number;
  hash: string;
}

/**
 * The digests of all entities, as of one snapshot. Reads every row: seconds a million.
 *
 * @param client a session of `connect`: the text form of a row must not depend on the server's configuration
 */
export async function digests(client: Client, models: readonly Model[]): Promise<EntityDigest[]> {
  const result: EntityDigest[] = [];
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    for (const entity of models.flatMap((model) => model.entities)) {
      const { rows } = await client.query<{ rows: string; hash: string }>(digestQuery(entity));
      result.push({ entity: entity.name, rows: Number(rows[0]!.rows), hash: rows[0]!.hash });
    }
    return result;
  } finally {
    await client.query('COMMIT');
  }
}

/**
 * The rows' hashes are added up, not concatenated: no sort, and an index is of no use. 64 bits of MD5 a
 * row guard against accidents, not against somebody who wants two tables to look equal.
 */
function digestQuery(entity: Entity): string {
  const names = replicatedColumns(entity).map((column) => column.name);
  const columns = [...names, ...hiddenNames(entity)];
  return (
    `SELECT count(*) AS rows, md5(coalesce(sum(('x' || left(md5(x.t), 16))::bit(64)::bigint::numeric), 0)::text) AS hash ` +
    `FROM (SELECT ROW(${columnList(columns)})::text AS t FROM ${tableOf(entity)} AS e WHERE (${expiredAt(entity, 'e', 'now()')}) IS NOT TRUE) AS x`
  );
}
