/** Sequences of adopted tables, of which each site gives out every n-th value and no two sites the same. */
import type { Entity } from '../../model/ir/ir.ts';
import type { SqlName } from '../../model/ir/names.ts';
import { dollarQuote, ident, inFormat } from '../../model/ir/names.ts';
import { tableOf } from '../names/apply-names.ts';
import { literal } from './catalog-ddl.ts';
import type { AdoptedTable, AdoptOptions } from './install-ddl.ts';
import type { ColumnFacts, SequenceFacts, TableFacts } from '../tables/table-facts.ts';

/**
 * Sites that share the values of a column, by its type. It follows from the type and from nothing else, so
 * sites cannot disagree about it. `integer` leaves 2^31 / 128, 16 million values a site; `bigint` has room
 * for every site number.
 */
const STRIDES: Readonly<Record<string, number>> = { smallint: 16, integer: 128, bigint: 2048 };

/** How far apart two values of one site are; undefined for types that no sequence fills (numeric, text). */
export function strideOf(type: string): number | undefined {
  return Object.hasOwn(STRIDES, type) ? STRIDES[type] : undefined;
}

/** Columns that take whole numbers from a sequence. */
export function sequencesOf(facts: TableFacts): { column: ColumnFacts; sequence: SequenceFacts }[] {
  return facts.columns.flatMap((column) =>
    column.sequence === undefined || strideOf(column.type) === undefined
      ? []
      : [{ column, sequence: column.sequence }],
  );
}

/**
 * Gives a sequence this site's values: those that leave the site's number when divided by the stride, above
 * all that were given out so far, here and (`above`) where the rows came from. ALTER SEQUENCE waits for
 * the transactions that took a value and makes others wait until the commit, so what is read after it is
 * the last value. A session that took several at once (CACHE) still has some of them; they are below.
 * Reads `max(column)`: by the key's index, else by a scan. Does nothing where it was done before.
 *
 * @param at `most`: an expression for that maximum where it was read before, under the table's lock
 */
function strideDdl(
  entity: Entity,
  { column, sequence }: { column: ColumnFacts; sequence: SequenceFacts },
  at: { site: number; above?: string; most?: string },
): string {
  const stride = strideOf(column.type)!;
  const name = `${ident(sequence.schema)}.${ident(sequence.name)}`;
  const most = at.most ?? `(${greatestValue(entity, column)})`;
  return `DO ${dollarQuote(`
DECLARE
  last bigint;
  most bigint := (SELECT s.seqmax FROM pg_sequence AS s WHERE s.seqrelid = ${literal(name)}::regclass);
BEGIN
  ALTER SEQUENCE ${name} INCREMENT BY ${stride};
  SELECT greatest(s.last_value, ${at.above ?? 0}, ${most})
    INTO last FROM ${name} AS s;
  last := last + 1 + (((${at.site} - (last + 1)) % ${stride}) + ${stride}) % ${stride};
  IF last > most THEN
    RAISE EXCEPTION 'sequence % has no values left for this site: it goes up to %', ${literal(name)}, most
      USING ERRCODE = 'sequence_generator_limit_exceeded', HINT = 'Give it a greater MAXVALUE, or make the column and the sequence bigint.';
  END IF;
  EXECUTE format('ALTER SEQUENCE ${inFormat(name)} RESTART WITH %s', last);
END
`)}`;
}

/**
 * Shares the sequences of tables that are locked.
 *
 * @param mostOf an expression for what the query of `greatestValues` with that index gave, which then is not asked again
 */
export function stridesDdl(
  tables: readonly AdoptedTable[],
  { site, above }: Pick<AdoptOptions, 'site' | 'above'>,
  mostOf?: (index: number) => string,
): string[] {
  return shared(tables).map(({ entity, column, sequence }, index) => {
    const last = above?.get(`${sequence.schema}.${sequence.name}`);
    return strideDdl(
      entity,
      { column, sequence },
      {
        site,
        ...(last === undefined ? {} : { above: last }),
        ...(mostOf === undefined ? {} : { most: mostOf(index) }),
      },
    );
  });
}

/** Queries of the greatest values of the columns whose sequences `stridesDdl` shares, in its order. */
export function greatestValues(tables: readonly AdoptedTable[]): string[] {
  return shared(tables).map(({ entity, column }) => greatestValue(entity, column));
}

type SharedSequence = { entity: Entity } & ReturnType<typeof sequencesOf>[number];

function shared(tables: readonly AdoptedTable[]): SharedSequence[] {
  return tables.flatMap(({ entity, facts }) =>
    sharedSequences(entity, facts).map((one) => ({ entity, ...one })),
  );
}

/** A site's own tables keep their sequences as they are. */
function sharedSequences(entity: Entity, facts: TableFacts): ReturnType<typeof sequencesOf> {
  return entity.local === true ? [] : sequencesOf(facts);
}

/** Reads the greatest value of a column. */
function greatestValue(entity: Entity, column: { name: string }): string {
  return `SELECT max(e.${ident(column.name)}) FROM ${tableOf(entity)} AS e`;
}

/** Reads the last value that a sequence gave out. */
export function lastValue(sequence: SqlName): string {
  return `SELECT last_value::text AS last FROM ${ident(sequence.schema)}.${ident(sequence.name)}`;
}
