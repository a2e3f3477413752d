/**
 * Column groups that a site takes from another one. A row can wait outside its table (`crp.waiting`) at either site,
 * each for reasons of its own; what its groups are is the same at both.
 */
import type { Client } from 'pg';
import { localColumns } from '../../apply/catalog.ts';
import { tried } from '../../apply/slow/exchange.ts';
import { RowCodec } from '../../apply/rows/row-codec.ts';
import { image, logicalState, texts } from '../../apply/slow/waiting.ts';
import type { Image, Origin } from '../../apply/slow/waiting.ts';
import { policyOf } from '../../merge/policy.ts';
import type { RowVersion } from '../../merge/types.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { insertFree } from '../../sql/apply/apply-fast.ts';
import { columnList, sameKey, tableOf } from '../../sql/names/apply-names.ts';
import { shippedNames } from '../../sql/names/shape.ts';
import { isKey, textObject } from '../../sql/ddl/waiting-ddl.ts';
import { parkGroups } from './adopt-parked.ts';
import { columnType } from '../base-copy/base-format.ts';

/** What came of an entity. Names are those of temporary tables. */
export interface TakenGroups {
  entity: Entity;
  /** Of the groups, with their stamps. */
  columns: readonly string[];
  /** Rows of the giver's table: key, birth and `columns`. */
  rows: string;
  /** Whether they have all other columns, too: of entities whose rows expire. */
  whole: boolean;
  /** What waits at the giver, as in `crp.waiting`; undefined where the giver does not say. */
  waiting: string | undefined;
  /** The site that takes them. */
  site: Origin;
}

/** Keys with their groups: a FROM item with alias `s`, and its parameters. */
interface Source {
  from: string;
  values: (string | null)[];
  whole: boolean;
}

/** Rows that are read at a time, where they are put in place one by one. */
const FETCH = 1_000;

/**
 * Puts the groups in place, in the caller's transaction, as a replica. Rows that were deleted here, or deleted and
 * inserted again, are passed over. Where rows expire, one that was removed here comes back. What a constraint forbids
 * here waits.
 */
export async function putGroups(client: Client, taken: TakenGroups): Promise<void> {
  const { rows, whole } = taken;
  const all = { from: `${rows} AS s`, values: [], whole };
  const outcome = await tried(client, () => put(client, taken, all));
  if (outcome !== undefined) await putEach(client, taken);
  if (taken.waiting === undefined) return;
  for (const row of await waitingGroups(client, taken, taken.waiting)) {
    await putOne(client, taken, row);
  }
}

/** Row by row, since a constraint forbids some of them. */
async function putEach(client: Client, taken: TakenGroups): Promise<void> {
  const { rows, whole } = taken;
  const names = namesOf(taken, whole);
  const cursor = 'crp_adopt_rows';
  await client.query(
    `DECLARE ${cursor} NO SCROLL CURSOR FOR SELECT ${textsOf(names)} AS row FROM ${rows} AS s`,
  );
  for (let left = FETCH; left === FETCH;) {
    const found = await client.query<{ row: Image }>(`FETCH ${FETCH} FROM ${cursor}`);
    for (const { row } of found.rows) await putOne(client, taken, { row, whole });
    left = found.rows.length;
  }
  await client.query(`CLOSE ${cursor}`);
}

interface TakenRow {
  row: Image;
  whole: boolean;
}

async function putOne(client: Client, taken: TakenGroups, taking: TakenRow): Promise<void> {
  const outcome = await tried(client, () => put(client, taken, rowSource(taken, taking)));
  if (outcome === undefined || outcome === 'raced') return;
  await parkGroups(client, taken, { ...taking, violation: outcome });
}

async function put(client: Client, taken: TakenGroups, source: Source): Promise<undefined> {
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
      `WHERE w.entity = ${quoteLiteral(entity.name)} AND ${isKey('w.key', textsOf(entity.key))}`,
    source.values,
  );
  if (source.whole) {
    // Those that were removed here when their time was over: neither here, nor dead, nor waiting.
    const arbiter = `(${columnList(entity.key)})`;
    const removed = { names: shippedNames(entity), from: source.from, where: 'true', arbiter };
    await client.query(insertFree(entity, removed), source.values);
  }
  return undefined;
}

/** Columns of `s` as an object of text values, as images in `crp.waiting` are. */
function textsOf(columns: readonly string[]): string {
  return textObject(columns.map((name) => [name, `s.${ident(name)}`]));
}

/** What there is of a row. */
function namesOf({ entity, columns }: TakenGroups, whole: boolean): string[] {
  return whole ? shippedNames(entity) : [...entity.key, BIRTH_COLUMN, ...columns];
}

function rowSource(taken: TakenGroups, { row, whole }: TakenRow): Source {
  const names = namesOf(taken, whole);
  const values = names.map(
    (name, at) => `$${at + 1}::text::${columnType(taken.entity, name)} AS ${ident(name)}`,
  );
  return {
    from: `(SELECT ${values.join(', ')}) AS s`,
    values: names.map((name) => row[name] ?? null),
    whole,
  };
}

/** Rows that wait at the giver, with what was written into its table since they were parked. */
async function waitingGroups(
  client: Client,
  { entity, columns, rows: table, whole }: TakenGroups,
  waiting: string,
): Promise<TakenRow[]> {
  const local = await localColumns(client, entity);
  const codec = new RowCodec({ entity, columns: local });
  const policy = policyOf(entity);
  const given = whole ? shippedNames(entity) : [BIRTH_COLUMN, ...columns];
  const { rows } = await client.query<{ row: Image; base: Image | null; found: Image | null }>(
    `SELECT w.row, w.base, CASE WHEN s.${ident(BIRTH_COLUMN)} IS NOT NULL ` +
      `THEN ${textsOf(given)} END AS found ` +
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
    const whatItIs = image(local, codec.texts(state.row ?? version(row), texts(local, row)));
    // Of a form that is in the giver's table with nothing in its groups, the rest did not come.
    return { row: whatItIs, whole: whole && (base === null || written) };
  });
}
