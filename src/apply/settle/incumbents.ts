import type { Client } from 'pg';
import { incumbents } from '../../sql/apply/clash-sql.ts';
import type { UniqueIndex } from '../../sql/apply/clash-sql.ts';
import type { Shape } from '../../sql/names/shape.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';

/** Looks before it is left to a later time. */
const LOOKS = 5;

/**
 * Rows of the table that have the index's values of a row that is not in it, locked; each with all columns of the
 * shape, as text.
 *
 * A statement that waits for a row's lock goes on with the row as it is then (PostgreSQL manual, 13.2.1, Read
 * Committed), but a subquery is not asked again: the row may have lost the value that it was found by. So it is
 * looked again, until what is found was locked before.
 *
 * @throws Error with SQLSTATE 40001 when the rows change all the time, besides the database's errors
 */
export async function lockIncumbents(
  client: Client,
  values: readonly (string | null)[],
  { shape, index }: { shape: Shape; index: UniqueIndex },
): Promise<(string | null)[][]> {
  const query = {
    ...{ text: incumbents(shape, index), values: [...values] },
    ...{ rowMode: 'array' as const, types: TEXT_TYPES },
  };
  let before = '[]';
  for (let look = 0; look < LOOKS; look++) {
    const { rows } = await client.query<(string | null)[]>(query);
    const found = JSON.stringify(rows);
    if (found === before) return rows;
    before = found;
  }
  throw Object.assign(new Error('the rows in the way change all the time'), { code: '40001' });
}
