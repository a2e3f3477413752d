import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { checkAdoption } from '../../sql/checks/adopt-check.ts';
import { tableOf } from '../../sql/names/apply-names.ts';
import { adoptedEntities, lockDdl } from '../../sql/ddl/install-ddl.ts';
import type { AdoptedTable } from '../../sql/ddl/install-ddl.ts';
import { isAdditive } from '../../sql/names/shape.ts';
import { lookAt } from './look.ts';
import { readTableFacts, typeOids } from '../../sql/tables/table-facts.ts';
import type { TableFacts } from '../../sql/tables/table-facts.ts';
import { inTransaction, isOvertaken } from '../../postgres/transaction.ts';

/** How a table that is in use is come by. */
export interface LockPolicy {
  /** Longest time to queue for a table's lock: everybody who comes later queues behind it. */
  timeoutMs: number;
  attempts: number;
}

export const DEFAULT_LOCKING: LockPolicy = { timeoutMs: 500, attempts: 40 };
/** Between two attempts the service has the table for itself, for so long and up to twice as long. */
const PAUSE_MS = 500;

export interface Checked {
  tables: AdoptedTable[];
  notes: string[];
}

/** Rows of a table that is not replicated yet whose additive columns are NaN: nothing can be added to it. Scans the table. */
async function noNumbers(client: Client, entity: Entity, facts: TableFacts): Promise<string[]> {
  if (facts.columns.some(({ name }) => name === BIRTH_COLUMN)) return [];
  const columns = entity.columns.filter(
    ({ name, type }) =>
      type.startsWith('numeric') &&
      entity.groups.some((group) => isAdditive(group) && group.columns.includes(name)),
  );
  const problems: string[] = [];
  for (const { name } of columns) {
    const table = tableOf(entity);
    const isNone = `${ident(name)} = 'NaN'`;
    const found = await lookAt(
      client,
      entity.table,
      `SELECT count(*) FROM ${table} WHERE ${isNone}`,
    );
    if (found === '0') continue;
    problems.push(
      `table "${entity.table.schema}.${entity.table.name}" has NaN in ${found} rows of "${name}", whose method is additive: nothing can be added to ` +
        `it, and no such row could be changed. UPDATE ${table} SET ${ident(name)} = 0 WHERE ${isNone}, or another number`,
    );
  }
  return problems;
}

/**
 * Looks at the tables that models adopt, without locking any.
 *
 * @throws AppError ADOPT_REFUSED that lists everything that stands in the way
 */
export async function checkAdoptions(
  client: Client,
  models: readonly Model[],
  site: number,
): Promise<Checked> {
  const entities = models.flatMap(adoptedEntities);
  const types = await typeOids(
    client,
    entities.flatMap((entity) => entity.columns.map((column) => column.type)),
  );
  const tables: AdoptedTable[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  for (const entity of entities) {
    const facts = await readTableFacts(client, entity.table);
    const verdict = checkAdoption(entity, facts, { site, types });
    problems.push(...verdict.problems);
    if (facts !== undefined && verdict.problems.length === 0) {
      problems.push(...(await noNumbers(client, entity, facts)));
    }
    notes.push(...verdict.notes);
    if (facts !== undefined) tables.push({ entity, facts });
  }
  if (problems.length === 0) return { tables, notes };
  const list = problems.map((problem) => `\n  - ${problem}`).join('');
  throw new AppError('ADOPT_REFUSED', `The model cannot adopt the tables that are here:${list}`, {
    hint: 'Nothing was changed. docs/operating/adopt.md says more about each',
  });
}

/**
 * Runs a transaction that locks tables in use. Each attempt waits for a lock for the policy's time and
 * no longer, so the service never queues behind one for more than that; then it is rolled back, and tried
 * again after a pause.
 *
 * @param options `admin`: a session of a superuser, who sees more of those that hold the tables
 * @param work runs `lock` when it has done what needs no lock
 * @throws AppError ADOPT_BUSY with who holds the tables; the database's error
 */
export async function withTableLocks<T>(
  client: Client,
  options: { entities: readonly Entity[]; policy: LockPolicy; admin?: Client },
  work: (lock: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { entities, policy } = options;
  const lock = async (): Promise<void> => {
    for (const statement of lockStatements(entities, policy)) await client.query(statement);
  };
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(client, () => work(lock));
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (attempt >= policy.attempts) throw await busy(options.admin ?? client, options, error);
      await delay(PAUSE_MS * (1 + Math.random()));
    }
  }
}

/** What locks tables as `withTableLocks` does it. */
export function lockStatements(entities: readonly Entity[], { timeoutMs }: LockPolicy): string[] {
  if (entities.length === 0) return [];
  return [`SET LOCAL lock_timeout = ${timeoutMs}`, ...lockDdl(entities)];
}

/** lock_not_available, or deadlock_detected; or another site on the server changes its rights on parameters. */
function isBusy(error: unknown): boolean {
  if (isOvertaken(error)) return true;
  return ['55P03', '40P01'].includes(String((error as { code?: unknown }).code));
}

async function busy(
  client: Client,
  { entities, policy }: { entities: readonly Entity[]; policy: LockPolicy },
  cause: unknown,
): Promise<AppError> {
  const { rows } = await client.query<{ holder: string }>(HOLDERS, [entities.map(tableOf)]);
  const holders = rows.map((row) => row.holder).join('; ');
  const tries = `${policy.attempts} attempts of ${policy.timeoutMs} ms`;
  return new AppError('ADOPT_BUSY', `The tables were in use all the time: ${tries}`, {
    hint: `${holders === '' ? 'Try again' : `Held by ${holders}. End that, or try again`}, or wait longer: --lock-timeout, --attempts. Nothing was changed`,
    retry: 'later',
    cause,
  });
}

/** The oldest transactions that have a lock on one of the tables. */
const HOLDERS = `
  SELECT format('process %s (%s), in a transaction since %s', a.pid,
    coalesce(nullif(a.application_name, ''), a.usename), date_trunc('second', a.xact_start)) AS holder
  FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND a.pid IN (
    SELECT l.pid FROM pg_locks AS l WHERE l.granted AND l.relation = ANY ($1::text[]::regclass[]))
  ORDER BY a.xact_start LIMIT 3`;

/**
 * A base copy is all that a group has: rows that are here already are in its way.
 *
 * @param client a session that may read the tables, and of no superuser; `lookingAt` of one, and in no transaction
 * @throws AppError ADOPT_NOT_EMPTY
 */
export async function requireEmpty(
  client: Client,
  models: readonly { ir: Model }[],
  { lookingAt = false } = {},
): Promise<void> {
  const adopted = models.flatMap(({ ir }) => adoptedEntities(ir));
  for (const entity of adopted.filter(({ local }) => local !== true)) {
    const used = `EXISTS (SELECT FROM ${tableOf(entity)})`;
    const found = lookingAt
      ? await lookAt(client, entity.table, used)
      : (await client.query<{ used: string }>(`SELECT (${used})::text AS used`)).rows[0]!.used;
    if (found !== 'true') continue;
    const table = `${entity.table.schema}.${entity.table.name}`;
    throw new AppError('ADOPT_NOT_EMPTY', `Table "${table}" has rows, and the group has others`, {
      hint: 'Empty it if its rows are not needed (TRUNCATE); docs/operating/adopt.md says how both are kept',
    });
  }
}
