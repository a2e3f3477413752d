/** Whether what makes a table replicated is as it was made, from what the catalogue says of it. Pure, but for the query. */
import type { Entity } from '../../model/ir/ir.ts';
import { replicationTriggers } from '../ddl/entity-ddl.ts';
import { sequencesOf, strideOf } from '../ddl/sequence-ddl.ts';
import type { TableFacts } from '../tables/table-facts.ts';

/** A table of the publication, and what else decides what of its changes is in the WAL. */
export interface PublishedFacts {
  /** `pg_class.relreplident`: `f` is FULL. */
  identity: string;
  published: boolean;
  /** The publication has only some of its rows or columns. */
  narrowed: boolean;
}

/**
 * `$1`, `$2`: schemas and names of tables. A row for each that is there; catalogue look-ups by their indexes. Of a
 * publication FOR ALL TABLES nothing is missing.
 */
export const PUBLISHED = `
  SELECT n.nspname::text || '.' || c.relname::text AS name, c.relreplident::text AS identity,
    p.puballtables OR r.oid IS NOT NULL AS published, r.prqual IS NOT NULL OR r.prattrs IS NOT NULL AS narrowed
  FROM unnest($1::text[], $2::text[]) AS t (schema, name)
  JOIN pg_namespace AS n ON n.nspname = t.schema JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.name
  CROSS JOIN pg_publication AS p LEFT JOIN pg_publication_rel AS r ON r.prpubid = p.oid AND r.prrelid = c.oid
  WHERE p.pubname = 'crp'`;

/** Undefined where there is no publication; else whether it has all kinds of changes. */
export const PUBLICATION = `
  SELECT pubinsert AND pubupdate AND pubdelete AS whole FROM pg_publication WHERE pubname = 'crp'`;

const PUT_BACK =
  'Stop the agent, and syncline upgrade --database DSN puts it back; syncline verify then finds what differs';

/** What is wrong with the publication itself. */
export function publicationProblems(publication: { whole: boolean } | undefined): string[] {
  if (publication === undefined) {
    return [
      `publication "crp" is gone: what is written here reaches no other site. ${PUT_BACK}. Before PostgreSQL 18 the WAL ` +
        'since then cannot be read any more: docs/operating/recover.md says how capture goes on',
    ];
  }
  if (publication.whole) return [];
  return [
    'publication "crp" leaves kinds of changes out, which reach no other site: ALTER PUBLICATION crp SET (publish = ' +
      "'insert, update, delete, truncate'), then syncline verify",
  ];
}

/** @param published what `PUBLISHED` says, by `schema.table`; a table that is not there is not in it */
export function publishedProblems(
  entity: Entity,
  published: ReadonlyMap<string, PublishedFacts>,
): string[] {
  const table = `${entity.table.schema}.${entity.table.name}`;
  const tombstones = `crp.${entity.tombstone}`;
  return [table, tombstones].flatMap((name) => {
    const found = published.get(name);
    if (found === undefined) return [];
    if (!found.published) {
      return [
        `table "${name}" is not in publication "crp": what is written to it reaches no other site. ${PUT_BACK}`,
      ];
    }
    if (found.narrowed) {
      return [
        `table "${name}" is in publication "crp" with some of its rows or columns only: ALTER PUBLICATION crp DROP it and ` +
          'ADD it whole, then syncline verify',
      ];
    }
    if (name !== table || found.identity === 'f') return [];
    return [
      `table "${name}" has not REPLICA IDENTITY FULL: updates and deletes reach no other site. ` +
        'ALTER TABLE … REPLICA IDENTITY FULL, then syncline verify',
    ];
  });
}

/** Our triggers, and those of the service that are to fire always: as `replicationTriggers` leaves them. */
export function replicationTriggerProblems(
  entity: Entity,
  facts: TableFacts,
  site: number,
): string[] {
  const table = `${entity.table.schema}.${entity.table.name}`;
  return [...triggersOf(entity, site)].flatMap(([name, enabled]) => {
    const found = facts.triggers.find((trigger) => trigger.name === name);
    if (found?.enabled === enabled) return [];
    const how =
      found === undefined
        ? 'is gone'
        : found.enabled === 'D'
          ? 'is disabled'
          : 'fires at other times';
    return [
      `trigger "${name}" of table "${table}" ${how}: what is written meanwhile is replicated wrongly or not at all. ${PUT_BACK}`,
    ];
  });
}

/** `pg_trigger.tgenabled` of each by its name. */
function triggersOf(entity: Entity, site: number): Map<string, string> {
  const found = new Map<string, string>();
  for (const statement of replicationTriggers(entity, site)) {
    const made = /^CREATE OR REPLACE (?:CONSTRAINT )?TRIGGER (\w+) /.exec(statement);
    if (made !== null) found.set(made[1]!, 'O');
    const set = /^ALTER TABLE .* ENABLE (ALWAYS|REPLICA) TRIGGER "?(.+?)"?$/.exec(statement);
    if (set !== null) found.set(set[2]!.replaceAll('""', '"'), set[1] === 'ALWAYS' ? 'A' : 'R');
  }
  return found;
}

/**
 * Sequences that give out values of other sites: by another step, or from another start.
 *
 * @param last the last value of each, by `schema.sequence`; null where none was given out since it was set
 */
export function strideProblems(
  facts: TableFacts,
  last: ReadonlyMap<string, string | null>,
  site: number,
): string[] {
  return sequencesOf(facts).flatMap(({ column, sequence }) => {
    const stride = BigInt(strideOf(column.type)!);
    const name = `${sequence.schema}.${sequence.name}`;
    const value = last.get(name) ?? null;
    const isOther = value !== null && (BigInt(value) - BigInt(site)) % stride !== 0n;
    if (BigInt(sequence.increment) === stride && !isOther) return [];
    const next = nextOf(BigInt(value ?? 0), BigInt(site), stride);
    return [
      `sequence "${name}" gives out values that belong to other sites: ALTER SEQUENCE ${name} INCREMENT BY ${stride} ` +
        `RESTART WITH ${next}, or a greater number that leaves ${site} when divided by ${stride}, above all keys of the table`,
    ];
  });
}

function nextOf(last: bigint, site: bigint, stride: bigint): bigint {
  const next = last + 1n;
  return next + ((((site - next) % stride) + stride) % stride);
}
