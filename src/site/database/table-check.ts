import type { Client } from 'pg';
import type { Log } from '../../base/log.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { checkAdoption } from '../../sql/checks/adopt-check.ts';
import { MISSING_LABELS, QUEUE_HELD_UP } from '../../sql/checks/held-up.ts';
import {
  PUBLICATION,
  PUBLISHED,
  publicationProblems,
  publishedProblems,
  replicationTriggerProblems,
  strideProblems,
} from '../../sql/checks/replication-check.ts';
import type { PublishedFacts } from '../../sql/checks/replication-check.ts';
import { sequencesOf } from '../../sql/ddl/sequence-ddl.ts';
import { readTableFacts, typeOids } from '../../sql/tables/table-facts.ts';
import type { TableFacts } from '../../sql/tables/table-facts.ts';
import type { ErrorNote } from '../../base/errors.ts';

/** How long tombstones stay after changes were seen not to be shipped, ms: an operator has to see it, and verify. */
const VERIFY_MS = 3_600_000;

/** Of what was prepared so long ago, in seconds, nobody may think any more. */
const FORGOTTEN_S = 600;
const FORGOTTEN = `
  SELECT format('transaction %L is prepared since %s and was not ended: it keeps its locks, the WAL since then, deleted and '
    'expired rows. COMMIT PREPARED %L, or ROLLBACK PREPARED', gid, date_trunc('second', prepared), gid) AS problem
  FROM pg_prepared_xacts WHERE database = current_database() AND prepared < now() - make_interval(secs => $1)
  ORDER BY prepared`;

/** The last values of sequences, of those that this role may ask. */
const LAST = `
  SELECT n.nspname::text || '.' || c.relname::text AS name, pg_sequence_last_value(c.oid)::text AS last
  FROM unnest($1::text[], $2::text[]) AS t (schema, name)
  JOIN pg_namespace AS n ON n.nspname = t.schema JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.name
  WHERE has_sequence_privilege(c.oid, 'SELECT')`;

/** What the catalogue says of an entity's table; undefined when there is none. */
interface Table {
  entity: Entity;
  facts: TableFacts | undefined;
}

/**
 * Looks from time to time whether the replicated tables are as they were made or adopted. What was changed by hand (a
 * trigger that is off, a table that is not in the publication any more) gives no error where it does harm; here it is
 * said, what it is and what to do, as long as it is so.
 */
export class TableCheck {
  readonly #entities: Entity[];
  readonly #site: number;
  readonly #log: Log;
  readonly #forgottenS: number;
  #found = new Map<string, ErrorNote>();
  /** When changes were last seen not to be shipped, ms. */
  #unshippedAt = -Infinity;

  /** @param options.forgottenS after so many seconds a prepared transaction is a problem */
  constructor(options: { models: readonly Model[]; site: number; log: Log; forgottenS?: number }) {
    this.#forgottenS = options.forgottenS ?? FORGOTTEN_S;
    this.#entities = options.models
      .flatMap((model) => model.entities)
      .filter((entity) => entity.local !== true);
    this.#site = options.site;
    this.#log = options.log;
  }

  /** What is wrong, since when it was seen. */
  problems(): ErrorNote[] {
    return [...this.#found.values()];
  }

  /**
   * Whether changes may lately have reached no other site. What they deleted is known by tombstones only: these stay until an
   * operator had time for `syncline verify`, or it would find rows that were deleted, and take them for lost.
   *
   * @param passedOver when capture last passed over a change, ms
   */
  holdsTombstones(now: number, passedOver: number): boolean {
    return now - Math.max(this.#unshippedAt, passedOver) < VERIFY_MS;
  }

  /** Looks again; what is new, and what is gone, is logged. Catalogue look-ups only. */
  async look(client: Client): Promise<void> {
    const found = new Map<string, ErrorNote>();
    const tables: Table[] = [];
    for (const entity of this.#entities) {
      tables.push({ entity, facts: await readTableFacts(client, entity.table) });
    }
    const unshipped = await this.#unshipped(client, tables);
    if (unshipped.length > 0) this.#unshippedAt = Date.now();
    for (const message of [...unshipped, ...(await this.#altered(client, tables))]) {
      const known = this.#found.get(message);
      if (known === undefined) this.#log.error({ problem: message }, 'a table was changed');
      found.set(message, known ?? { at: new Date().toISOString(), message });
    }
    for (const message of this.#found.keys()) {
      if (!found.has(message))
        this.#log.info({ problem: message }, 'a table is as it should be again');
    }
    this.#found = found;
  }

  /** What keeps changes from being shipped, or from being shipped whole. */
  async #unshipped(client: Client, tables: readonly Table[]): Promise<string[]> {
    const { rows } = await client.query<{ whole: boolean }>(PUBLICATION);
    const problems = publicationProblems(rows[0]);
    const published = await this.#published(client);
    for (const { entity, facts } of tables) {
      problems.push(...publishedProblems(entity, published));
      if (facts !== undefined) {
        problems.push(...replicationTriggerProblems(entity, facts, this.#site));
      }
    }
    return problems;
  }

  /** What stops apply, or may, what sites would give out twice, and what was left lying. */
  async #altered(client: Client, tables: readonly Table[]): Promise<string[]> {
    const { rows } = await client.query<{ problem: string }>(FORGOTTEN, [this.#forgottenS]);
    const problems = rows.map(({ problem }) => problem);
    problems.push(...(await this.#heldUp(client)));
    const types = await typeOids(
      client,
      this.#entities.flatMap((entity) => entity.columns.map((column) => column.type)),
    );
    for (const { entity, facts } of tables) {
      problems.push(...checkAdoption(entity, facts, { site: this.#site, types }).problems);
      if (facts !== undefined) problems.push(...(await this.#strides(client, facts)));
    }
    return problems;
  }

  /** What is told later, or waits, until somebody does something about it. */
  async #heldUp(client: Client): Promise<string[]> {
    const queue = await client.query<{ problem: string }>(QUEUE_HELD_UP);
    const labels = await client.query<{ problem: string }>(MISSING_LABELS, [
      this.#entities.map(({ name }) => name),
      this.#entities.map(({ table }) => table.schema),
      this.#entities.map(({ table }) => table.name),
    ]);
    return [...queue.rows, ...labels.rows].map(({ problem }) => problem);
  }

  async #published(client: Client): Promise<Map<string, PublishedFacts>> {
    const tables = this.#entities.flatMap(({ table, tombstone }) => [
      table,
      { schema: 'crp', name: tombstone },
    ]);
    const { rows } = await client.query<PublishedFacts & { name: string }>(PUBLISHED, [
      tables.map(({ schema }) => schema),
      tables.map(({ name }) => name),
    ]);
    return new Map(rows.map(({ name, ...facts }) => [name, facts]));
  }

  async #strides(client: Client, facts: TableFacts): Promise<string[]> {
    const sequences = sequencesOf(facts).map(({ sequence }) => sequence);
    if (sequences.length === 0) return [];
    const { rows } = await client.query<{ name: string; last: string | null }>(LAST, [
      sequences.map(({ schema }) => schema),
      sequences.map(({ name }) => name),
    ]);
    const last = new Map(rows.map((row) => [row.name, row.last]));
    return strideProblems(facts, last, this.#site);
  }
}
