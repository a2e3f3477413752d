import { createHash } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import type { Client } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { AppError } from '../../base/errors.ts';
import { encodeFrame } from '../../link/frames.ts';
import { writeParts } from '../../link/write-parts.ts';
import { BIRTH_COLUMN, mergedColumns } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { endOnAbort } from '../../postgres/cancel.ts';
import { connect, withConnection } from '../../postgres/connect.ts';
import { columnList } from '../../sql/names/apply-names.ts';
import { ident, quoteLiteral } from '../../model/ir/names.ts';
import { adoptedEntities } from '../../sql/ddl/install-ddl.ts';
import { lastValue, sequencesOf } from '../../sql/ddl/sequence-ddl.ts';
import { readTableFacts } from '../../sql/tables/table-facts.ts';
import { historyColumns } from '../../sql/ddl/history-ddl.ts';
import { shippedNames } from '../../sql/names/shape.ts';
import { STAMP_CLOCK } from '../../sql/ddl/stamp-clock.ts';
import { BASE_FRAME, WAITING_TABLES } from './base-format.ts';
import type { BaseHeader, BasePart, BaseTable, BaseTableEnd } from './base-format.ts';
import { readMembers, readModels, readProgress, readSite } from '../database/catalog.ts';
import type { InstalledModel } from '../database/catalog.ts';
import { exportSnapshot } from '../database/export-snapshot.ts';
import type { Copied } from '../members/greeter.ts';

/** Later writes here are stamped after it. */
const FLOOR = `SELECT greatest(last_value, ${STAMP_CLOCK})::text AS floor FROM crp.floor`;

/**
 * Sends a consistent copy of all entities while the service writes on. A temporary logical slot exports
 * the snapshot: it has exactly the transactions whose position is at most the slot's consistent point
 * (PostgreSQL manual, 53.4, CREATE_REPLICATION_SLOT … SNAPSHOT 'export').
 *
 * @throws the database's error; the copy then has no `done` frame
 */
export async function serveBase(
  dsn: string,
  stream: ServerHttp2Stream,
  signal: AbortSignal,
  served: Served,
): Promise<void> {
  const walsender = await connect(dsn, 'syncline base copy', { replication: 'database' });
  try {
    const slot = await exportSnapshot(walsender, dsn, signal);
    await withConnection(dsn, 'syncline base copy', async (client) => {
      await endOnAbort(client, dsn, signal);
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      await client.query(`SET TRANSACTION SNAPSHOT '${slot.snapshot}'`);
      await send(client, stream, { position: slot.position, signal, served });
    });
  } finally {
    await walsender.end().catch(() => undefined);
  }
}

async function send(
  client: Client,
  stream: ServerHttp2Stream,
  options: { position: bigint; signal: AbortSignal; served: Served },
): Promise<void> {
  const { served } = options;
  const position = (await served.position?.(options.position)) ?? options.position;
  const models = await readModels(client);
  const known = await readProgress(client);
  const header: BaseHeader = {
    site: await readSite(client),
    position: position.toString(),
    knowledge: [...known].map(([origin, at]) => [origin, at.toString()]),
    floor: (await client.query<{ floor: string }>(FLOOR)).rows[0]!.floor,
    models,
    members: await readMembers(client),
    tables: served.tables ?? baseTables(models),
    sequences: await lastValues(client, models),
  };
  const write = (kind: number, payload: Buffer): Promise<void> =>
    writeFrame(stream, encodeFrame(kind, payload), options.signal);
  stream.respond({ ':status': 200 });
  await write(BASE_FRAME.header, Buffer.from(JSON.stringify(header)));
  for (const table of header.tables) {
    const end = await sendTable(client, table, write);
    await write(BASE_FRAME.end, Buffer.from(JSON.stringify(end)));
  }
  await write(BASE_FRAME.done, await served.end({ position, known }));
  stream.end();
}

/** Not of the snapshot: a sequence has only one state, and a later one is as good. */
async function lastValues(
  client: Client,
  models: readonly InstalledModel[],
): Promise<[name: string, last: string][]> {
  const found = new Map<string, string>();
  for (const entity of models.flatMap(({ ir }) => adoptedEntities(ir))) {
    const facts = await readTableFacts(client, entity.table);
    for (const { sequence } of facts === undefined ? [] : sequencesOf(facts)) {
      const { rows } = await client.query<{ last: string }>(lastValue(sequence));
      found.set(`${sequence.schema}.${sequence.name}`, rows[0]!.last);
    }
  }
  return [...found];
}

/** What is sent. */
export interface Served {
  /** Tables of a part of the data; all of them when absent. */
  tables?: BaseTable[];
  /** Tells the position of this site that the copy has, by the slot's consistent point; that itself when absent. */
  position?: (consistent: bigint) => Promise<bigint>;
  /** What is said at the end. Until then the copy is not whole. */
  end: (copied: Copied) => Promise<Buffer>;
}

/**
 * The tables of a part.
 *
 * @throws AppError MODEL_UNKNOWN when this site's agent has no such model, or not that revision of it
 */
export function partTables(models: readonly InstalledModel[], part: BasePart): BaseTable[] {
  const model = models.find(({ ir, hash }) => ir.name === part.model && hash === part.hash);
  const entities = model?.ir.entities ?? [];
  return part.parts.flatMap(({ entity: name, groups }) => {
    const entity = entities.find((candidate) => candidate.name === name);
    if (entity === undefined) {
      throw new AppError('MODEL_UNKNOWN', `this site has no such revision of "${part.model}"`, {
        hint: 'Adopt it there first, and start the agent',
      });
    }
    const whole = part.whole === true && entity.expires !== undefined;
    const own = groups === undefined ? wholeTables(entity) : groupTables(entity, { groups, whole });
    if (part.waiting !== true) return own;
    // References that wait are here already where only groups are new.
    const tables = groups === undefined ? waitingTables() : [waitingTable('waiting')];
    return [...own, ...tables.map((table) => ({ ...table, of: entity.name }))];
  });
}

/** An entity's table, that of its tombstones, and its history. */
export function wholeTables(entity: Entity): BaseTable[] {
  return [entityTable(entity), tombstoneTable(entity), ...historyTable(entity)];
}

/**
 * Some column groups of an entity, of the rows in which they were ever written. `whole`: with all other columns, since
 * the site that takes them may have removed the row when its time was over.
 */
function groupTables(
  entity: Entity,
  { groups: names, whole }: { groups: readonly string[]; whole: boolean },
): BaseTable[] {
  const groups = entity.groups.filter((group) => names.includes(group.name));
  const stamps = groups.map((group) => group.stamp);
  const columns = groups.flatMap(mergedColumns);
  const all = [...entity.key, ...columns, BIRTH_COLUMN, ...stamps];
  return [{ ...entity.table, columns: whole ? shippedNames(entity) : all, stamped: stamps }];
}

/** Entity tables with their hidden columns, tombstone tables, histories of what is not stable, and what waits. */
function baseTables(models: readonly InstalledModel[]): BaseTable[] {
  const entities = models.flatMap((model) => model.ir.entities);
  return [
    ...entities.map(entityTable),
    ...entities.map(tombstoneTable),
    ...entities.flatMap(historyTable),
    ...waitingTables(),
  ];
}

/** What waits is part of the site's state, rows and references; the new site settles it by itself. */
function waitingTables(): BaseTable[] {
  return [waitingTable('waiting'), waitingTable('orphan')];
}

function waitingTable(name: keyof typeof WAITING_TABLES): BaseTable {
  return { schema: 'crp', name, columns: Object.keys(WAITING_TABLES[name]) };
}

function entityTable(entity: Entity): BaseTable {
  return { ...entity.table, columns: shippedNames(entity) };
}

function tombstoneTable(entity: Entity): BaseTable {
  return { schema: 'crp', name: entity.tombstone, columns: [...entity.key, 'birth', 'stamp'] };
}

function historyTable(entity: Entity): BaseTable[] {
  if (entity.history === undefined) return [];
  return [{ schema: 'crp', name: entity.history, columns: historyColumns(entity) }];
}

function restriction({ stamped, of }: BaseTable): string {
  if (of !== undefined) return ` WHERE entity = ${quoteLiteral(of)}`;
  if (stamped === undefined) return '';
  return ` WHERE ${stamped.map((stamp) => `${ident(stamp)} > 0`).join(' OR ')}`;
}

async function sendTable(
  client: Client,
  table: BaseTable,
  write: (kind: number, payload: Buffer) => Promise<void>,
): Promise<BaseTableEnd> {
  const copy = client.query(
    copyTo(
      `COPY (SELECT ${columnList(table.columns)} FROM ${ident(table.schema)}.${ident(table.name)}` +
        `${restriction(table)}) TO STDOUT WITH (FORMAT binary)`,
    ),
  );
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of copy as AsyncIterable<Buffer>) {
    hash.update(part);
    bytes += part.length;
    await write(BASE_FRAME.data, part);
  }
  return { rows: copy.rowCount, bytes, sha256: hash.digest('hex') };
}

/** Writes and waits for HTTP/2's flow control. */
async function writeFrame(
  stream: ServerHttp2Stream,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<void> {
  await writeParts(stream, bytes);
  if (signal.aborted) throw new Error('the new site went away');
}
