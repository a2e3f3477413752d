import type { Client } from 'pg';

/** A row in PostgreSQL's text form. */
type Texts = readonly (string | null)[];

const identity = (value: string): string => value;
/** All results as text: nothing between PostgreSQL's output functions and merge changes a value. */
export const TEXT_TYPES = { getTypeParser: () => identity };

/** Runs a statement whose parameters are one array a column. True if it took all rows; without rows nothing is run. */
export async function runArrays(
  client: Client,
  text: string,
  rows: readonly Texts[],
): Promise<boolean> {
  if (rows.length === 0) return true;
  const columns = rows[0]!.map((_, column) => rows.map((row) => row[column] ?? null));
  const result = await client.query(text, columns);
  return result.rowCount === rows.length;
}
