import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { PeerConnection } from '../../link/client.ts';
import { mergedColumns } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { SAY_FOREIGN, useReplicationOrigin } from '../../postgres/origin.ts';
import { columnList } from '../../sql/names/apply-names.ts';
import { ident } from '../../model/ir/names.ts';
import { HISTORY_COLUMNS } from '../../sql/ddl/history-ddl.ts';
import { shippedNames } from '../../sql/names/shape.ts';
import { putGroups } from './adopt-groups.ts';
import type { TakenGroups } from './adopt-groups.ts';
import type { AdoptPlan } from './adopt-plan.ts';
import { requireTables } from '../base-copy/base-check.ts';
import { columnType, WAITING_TABLES } from '../base-copy/base-format.ts';
import type { BaseHeader, BasePartEnd, BaseTable } from '../base-copy/base-format.ts';
import { IncomingBase } from '../base-copy/base-load.ts';
import { readProgress } from '../database/catalog.ts';
import type { InstalledModel } from '../database/catalog.ts';
import { catchUp } from './catch-up.ts';
import type { Goal } from './catch-up.ts';
import { inTransaction, runAll } from '../../postgres/transaction.ts';

/** Requests of a copy from a site that has not applied yet what this one has, and the time between two. */
const ATTEMPTS = 30;
const AGAIN_MS = 1_000;

export interface AdoptedRowsOptions {
  client: Client;
  plan: AdoptPlan;
  site: { name: string; number: number };
  root: string;
  log: Log;
}

/**
 * The rows of a model at a site that has it, on their way to one that gets it. They go into temporary tables
 * first. Then this site applies exactly what the giver had applied when the copy was made (of what belongs
 * to the new model it passes over everything), and no more until they are in place: the journals go on
 * exactly where the copy ends, and no change is missed or applied twice.
 */
export class AdoptedRows {
  readonly #options: AdoptedRowsOptions;
  #header: BaseHeader | undefined;
  /** Whether the session is under a replication origin. */
  #origin = false;
  #temporary: { table: BaseTable; name: string }[] = [];

  constructor(options: AdoptedRowsOptions) {
    this.#options = options;
  }

  /** How far the sequences of the giver are, by `schema.name`. */
  get above(): ReadonlyMap<string, string> | undefined {
    return this.#header === undefined ? undefined : new Map(this.#header.sequences);
  }

  /** The earlier revisions that the giver's goes with. */
  get older(): string[] {
    const models = (this.#header?.models ?? []) as InstalledModel[];
    const { ir } = this.#options.plan.model;
    return models.find((model) => model.ir.name === ir.name)?.older ?? [];
  }

  /**
   * Takes the copy and catches up with it.
   *
   * @returns number of rows
   * @throws AppError ADOPT_BEHIND when the giver has not applied what this site has; BASE_TABLES; CATCH_UP; the link's
   */
  async take(peer: PeerConnection): Promise<number> {
    const { client, root, log, site } = this.#options;
    const base = await this.#open(peer);
    const { rows, end } = await this.#load(base);
    const { journal } = JSON.parse(end) as BasePartEnd;
    const goal = goalOf(base.header, { journal: BigInt(journal), self: site.number });
    await catchUp(root, { client, log, goal });
    return rows;
  }

  /** What the giver has applied must be at least what this site has: it cannot go back. */
  async #open(peer: PeerConnection): Promise<IncomingBase> {
    const { client, plan } = this.#options;
    const { ir, hash } = plan.model;
    const part = { model: ir.name, hash, parts: plan.parts, waiting: true, whole: true };
    for (let attempt = 1; ; attempt++) {
      const base = await IncomingBase.requestPart(peer, part);
      const here = await readProgress(client);
      const giver = base.header.site.number;
      const there = new Map(base.header.knowledge.map(([origin, at]) => [origin, BigInt(at)]));
      there.set(giver, BigInt(base.header.position));
      const behind = [...here].filter(([origin, at]) => at > (there.get(origin) ?? 0n));
      if (behind.length === 0) {
        this.#header = base.header;
        return base;
      }
      await base.cancel();
      if (attempt < ATTEMPTS) await delay(AGAIN_MS);
      else {
        const origins = behind.map(([origin]) => origin).join(', ');
        throw new AppError(
          'ADOPT_BEHIND',
          `Site "${base.header.site.name}" has not applied yet what this one has of site ${origins}`,
          { hint: 'Wait until it has (syncline status there), and try again', retry: 'later' },
        );
      }
    }
  }

  async #load(base: IncomingBase): Promise<{ rows: number; end: string }> {
    const { client, plan } = this.#options;
    requireTables(base.header.tables, plan.model.ir.entities);
    this.#temporary = base.header.tables.map((table, index) => ({
      table,
      name: `pg_temp.crp_adopt_${index}`,
    }));
    return inTransaction(client, async () => {
      await runAll(
        client,
        this.#temporary.map(({ table, name }) => temporaryDdl(plan, { table, name })),
      );
      return base.load(client, (table) => this.#temporary.find((one) => one.table === table)!.name);
    });
  }

  /** Puts the rows in place, in the caller's transaction, as they are: no trigger stamps them anew. */
  async put(): Promise<void> {
    const { client, site } = this.#options;
    // So that this site does not ship them as its own.
    if (!this.#origin) await useReplicationOrigin(client, `crp_${site.name}_adopt`);
    this.#origin = true;
    // The transaction began with other things: a stream of PostgreSQL 15 would not say whose it is.
    await client.query(SAY_FOREIGN);
    await client.query('SET LOCAL session_replication_role = replica');
    for (const { table, name } of this.#temporary) {
      if (table.stamped !== undefined) await putGroups(client, this.#groups(table, name));
      else if (!this.#isOfGroups(table)) await client.query(putRows(table, name));
    }
    await client.query(
      `SELECT setval('crp.floor', greatest(last_value, $1::bigint)) FROM crp.floor`,
      [this.#header!.floor],
    );
  }

  #groups(table: BaseTable, rows: string): TakenGroups {
    const { plan, site } = this.#options;
    const entity = entityOf(plan, table)!;
    const part = plan.parts.find((one) => one.entity === entity.name);
    const groups = entity.groups.filter(({ name }) => part?.groups?.includes(name) === true);
    const columns = groups.flatMap((group) => [...mergedColumns(group), group.stamp]);
    const whole = shippedNames(entity).every((name) => table.columns.includes(name));
    const waiting = this.#temporary.find((one) => one.table.of === entity.name)?.name;
    return { entity, columns, rows, whole, waiting, site };
  }

  /** What waits of an entity that is here already goes with its groups. */
  #isOfGroups({ of }: BaseTable): boolean {
    return this.#options.plan.parts.some(
      ({ entity, groups }) => entity === of && groups !== undefined,
    );
  }
}

function goalOf(header: BaseHeader, { journal, self }: { journal: bigint; self: number }): Goal {
  const known = header.knowledge
    .filter(([origin]) => origin !== self)
    .map(([origin, at]) => [origin, BigInt(at)] as const);
  const position = BigInt(header.position);
  const giver = header.site.number;
  // The giver's last change in the copy may be well below the copy's position.
  const reached = journal < position ? journal : position;
  const others = known.filter(([origin]) => origin !== giver);
  return {
    until: new Map([...others, [giver, position]]),
    reached: new Map([...others, [giver, reached]]),
  };
}

function qualified(table: BaseTable): string {
  return `${ident(table.schema)}.${ident(table.name)}`;
}

function putRows(table: BaseTable, name: string): string {
  const columns = columnList(table.columns);
  return `INSERT INTO ${qualified(table)} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM ${name}`;
}

/** The types are the model's: the table itself may have no such columns yet, or not be there. */
function temporaryDdl(
  plan: AdoptPlan,
  { table, name }: { table: BaseTable; name: string },
): string {
  const entity = entityOf(plan, table);
  const columns = table.columns.map(
    (column) => `${ident(column)} ${typeOf(table, column, entity)}`,
  );
  return `CREATE TEMPORARY TABLE ${name.replace('pg_temp.', '')} (${columns.join(', ')})`;
}

/** The entity whose rows, tombstones or history a table has. */
function entityOf(plan: AdoptPlan, { schema, name }: BaseTable): Entity | undefined {
  return plan.model.ir.entities.find((one) =>
    schema === 'crp'
      ? one.tombstone === name || one.history === name
      : one.table.schema === schema && one.table.name === name,
  );
}

/** Columns of tombstones and histories are those of the key and some of `bigint` and other fixed types. */
function typeOf(table: BaseTable, column: string, entity: Entity | undefined): string {
  if (table.of !== undefined) {
    const types: Record<string, Record<string, string>> = WAITING_TABLES;
    return types[table.name]![column]!;
  }
  const found = entity && columnType(entity, column);
  return found ?? historyType(column) ?? 'bigint';
}

/** Of a column of a history table; undefined for others. */
function historyType(column: string): string | undefined {
  return new Map<string, string>(Object.entries(HISTORY_COLUMNS)).get(column)?.split(' ')[0];
}
