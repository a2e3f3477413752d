/**
 * Column groups that a site takes from another one. A row can wait outside its table (`crp.waiting`) at either site,
 * each for reasons of its own; what its groups are is the same at both.
 */
import type { Client } from 'pg';
import { localColumns } from '../apply/catalog.ts';
import { RowCodec } from '../apply/row-codec.ts';
import { image, logicalState, texts } from '../apply/waiting.ts';
import type { Image } from '../apply/waiting.ts';
import { policyOf } from '../merge/policy.ts';
import type { RowVersion } from '../merge/types.ts';
import { BIRTH_COLUMN } from '../model/ir.ts';
import type { Entity } from '../model/ir.ts';
import { ident, quoteLiteral } from '../model/names.ts';
import { sameKey, tableOf } from '../sql/apply-names.ts';
import { TEXT_SETTINGS } from '../sql/verify.ts';
import { textObject } from '../sql/waiting-ddl.ts';
import { columnType } from './base-format.ts';

/** What came of an entity. Names are those of temporary tables. */
export interface TakenGroups {
  entity: Entity;
  /** Of the groups, with their stamps. */
  columns: readonly string[];
  /** Rows of the giver's table: key, birth and `columns`. */
  rows: string;
  /** What waits at the giver, as in `crp.waiting`; undefined where the giver does not say. */
  waiting: string | undefined;
}

/** Keys with their groups: a FROM item with alias `s`, and its parameters. */
interface Source {
  from: string;
  values: (string | null)[];
}

/**
 * Puts the groups in place, in the caller's transaction, as a replica. Rows that were deleted here, or deleted and
 * inserted again, are passed over.
 */
export async function putGroups(client: Client, taken: TakenGroups): Promise<void> {
  // As sessions write them that apply: texts of what waits are compared.
  await client.query(TEXT_SETTINGS);
  await put(client, taken, { from: `${taken.rows} AS s`, values: [] });
  if (taken.waiting === undefined) return;
  for (const row of await waitingGroups(client, taken, taken.waiting)) {
    await put(client, taken, rowSource(taken, row));
  }
}

async function put(client: Client, taken: TakenGroups, source: Source): Promise<void> {
  const { entity, columns } = taken;
  const birth = ident(BIRTH_COLUMN);
  const set = columns.map((name) => `${ident(name)} = s.${ident(name)}`);
  await client.query(
    `UPDATE ${tableOf(entity)} AS e SET ${set.join(', ')} FROM ${source.from} ` +
      `WHERE ${sameKey(entity, 'e', 's')} AND e.${birth} = s.${birth}`,
    source.values,
  );
  const groups = textsOf(columns);
  const filled = (image: string): string =>
    `${image} = CASE WHEN w.${image} ->> '${BIRTH_COLUMN}' = s.${birth}::text THEN w.${image} || ${groups} ELSE w.${image} END`;
  await client.query(
    `UPDATE crp.waiting AS w SET ${filled('row')}, ${filled('base')} FROM ${source.from} ` +
      `WHERE w.entity = ${quoteLiteral(entity.name)} AND w.key = ${textsOf(entity.key)}`,
    source.values,
  );
}

/** Columns of `s` as an object of text values, as images in `crp.waiting` are. */
function textsOf(columns: readonly string[]): string {
  return textObject(columns.map((name) => [name, `s.${ident(name)}`]));
}

function rowSource({ entity, columns }: TakenGroups, row: Image): Source {
  const names = [...entity.key, BIRTH_COLUMN, ...columns];
  const values = names.map(
    (name, at) => `$${at + 1}::text::${columnType(entity, name)} AS ${ident(name)}`,
  );
  return {
    from: `(SELECT ${values.join(', ')}) AS s`,
    values: names.map((name) => row[name] ?? null),
  };
}

/** Rows that wait at the giver, with what was written into its table since they were parked. */
async function waitingGroups(
  client: Client,
  { entity, columns, rows: table }: TakenGroups,
  waiting: string,
): Promise<Image[]> {
  const local = await localColumns(client, entity);
  const codec = new RowCodec({ entity, columns: local });
  const policy = policyOf(entity);
  const { rows } = await client.query<{ row: Image; base: Image | null; found: Image | null }>(
    `SELECT w.row, w.base, CASE WHEN s.${ident(BIRTH_COLUMN)} IS NOT NULL ` +
      `THEN ${textsOf([BIRTH_COLUMN, ...columns])} END AS found ` +
      `FROM ${waiting} AS w LEFT JOIN ${table} AS s ON w.key = ${textsOf(entity.key)}`,
  );
  return rows.map(({ row, base, found }) => {
    const version = (from: Image): RowVersion => codec.version(texts(local, from));
    const written = base !== null && found?.[BIRTH_COLUMN] === base[BIRTH_COLUMN];
    const now = base === null ? undefined : { ...base, ...(written ? found : {}) };
    const { state } = logicalState(codec, policy, {
      waiting: { row, base: base ?? undefined },
      physical: now === undefined ? {} : { row: version(now) },
    });
    return image(local, codec.texts(state.row ?? version(row), texts(local, row)));
  });
}
