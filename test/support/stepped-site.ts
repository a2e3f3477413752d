import type { Client } from 'pg';
import { applyFold } from '../../src/apply/apply-fold.ts';
import { applyStream } from '../../src/apply/apply-stream.ts';
import { Beacon } from '../../src/apply/beacon.ts';
import { Fold } from '../../src/apply/fold.ts';
import { Knowledge } from '../../src/apply/knowledge.ts';
import { readProgress } from '../../src/apply/progress.ts';
import { foldBatch } from '../../src/apply/read-batch.ts';
import { ApplySession } from '../../src/apply/session.ts';
import { Settling } from '../../src/apply/settling.ts';
import { Batcher } from '../../src/capture/batcher.ts';
import { ensureSlot, readSettings } from '../../src/capture/setup.ts';
import { decodeBatch } from '../../src/journal/batch.ts';
import type { DecodedBatch } from '../../src/journal/batch.ts';
import type { Batch, Chunk } from '../../src/journal/journal.ts';
import type { Entity, Model } from '../../src/model/ir.ts';
import { unshippedColumns } from '../../src/model/replicated.ts';
import { silentLog } from '../../src/base/log.ts';
import { connect, serverMajor } from '../../src/postgres/connect.ts';
import { useReplicationOrigin } from '../../src/postgres/origin.ts';
import { greatest } from '../../src/merge/stamps.ts';
import { ExpiredRows } from '../../src/site/expiry.ts';
import { Settler } from '../../src/site/settler.ts';
import { deleteKept, greatestKept } from '../../src/site/tombstones.ts';
import { tableOf } from '../../src/sql/apply-names.ts';
import { newest } from '../../src/sql/expiry-sql.ts';
import { installModel } from './install.ts';
import type { TestServer } from './server.ts';

/** As an agent asks pgoutput, which has no `origin` before PostgreSQL 16; larger transactions come as streams. */
const capture = (major: number): string =>
  `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '2',
  'publication_names', 'crp', 'binary', 'true', 'messages', 'true', 'streaming', 'on'${major >= 16 ? `, 'origin', 'none'` : ''})`;

/** Names and numbers of the sites in their catalogues. */
const MEMBERS = `INSERT INTO crp.member (name, number, state) SELECT 'site' || g, g, 'active' FROM generate_series(1, 3) AS g`;

/** The sites of a group by number. */
export const STEPPED = new Map([1, 2, 3].map((number) => [number, `site${number}`]));

/**
 * A site without an agent: a database whose changes are captured, and others' applied, when a test says so. What is
 * between the databases is what the agent has (batches, knowledge, beacon, folds, the statements of apply), only
 * journal and link are not there; so a test can play thousands of orders in seconds.
 */
export class SteppedSite {
  readonly number: number;
  readonly dsn: string;
  /** A session of the tables' owner. */
  readonly sql: Client;
  readonly #slot: string;
  readonly #capture: string;
  #models: readonly Model[];
  readonly #batches: Batch[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #knowledge: Knowledge;
  readonly #beacon: Beacon;
  readonly #sessions = new Map<number, ApplySession>();
  /** How many batches of each origin are applied. */
  readonly #applied = new Map<number, number>();
  readonly #batcher: Batcher;
  readonly #trimmer: Client;
  readonly #expired: ExpiredRows;
  /** Of the marks that every site is said to have set. */
  #marks = 0;
  /** How many transactions were applied that came as streams. */
  streams = 0;
  /** How many rows were removed since their time was over. */
  expired = 0;
  #settler: Settler;
  #settling: Settling;

  private constructor(number: number, parts: Parts) {
    this.number = number;
    this.dsn = parts.dsn;
    this.sql = parts.sql;
    this.#trimmer = parts.trimmer;
    this.#slot = parts.slot;
    this.#capture = capture(parts.major);
    this.#settler = new Settler({ ...parts.settling.options, log: silentLog() });
    this.#settling = parts.settling;
    this.#models = parts.models;
    this.#expired = new ExpiredRows({
      ...{ dsn: parts.dsn, site: parts.slot, models: parts.models },
      follow: () => Promise.resolve(true),
    });
    this.#knowledge = new Knowledge(number);
    this.#beacon = new Beacon(parts.dsn, () => true);
    this.#batcher = new Batcher(
      {
        ...{ origin: number, incarnation: 1, after: 0n, knowledge: new Map() },
        ...{ types: parts.types, unshipped: unshippedColumns(parts.models) },
      },
      {
        batch: (batch) => this.#batches.push(batch),
        chunk: (chunk) => this.#chunks.push(chunk),
        abort: () => undefined,
      },
    );
  }

  /** @param first SQL before that of the model */
  static async create(
    server: TestServer,
    number: number,
    { model, first }: { model: Model; first?: string | undefined },
  ): Promise<SteppedSite> {
    const name = `${model.name}-${number}`;
    const dsn = await server.createDatabase(name);
    const sql = await connect(dsn, 'test');
    await sql.query(`SET logical_decoding_work_mem = '64kB'`);
    if (first !== undefined) await sql.query(first);
    await installModel(sql, { name: STEPPED.get(number)!, number }, model);
    await sql.query(
      `INSERT INTO crp.model (name, revision, hash, ir) VALUES ($1, 'test', 'test', $2)`,
      [model.name, model],
    );
    await sql.query(MEMBERS);
    const slot = `crp_${name}`.replaceAll('-', '_');
    await ensureSlot(dsn, slot);
    const { types } = await readSettings(dsn);
    const trimmer = await connect(dsn, 'test trim');
    await useReplicationOrigin(trimmer, `${slot}_trim`);
    const models = [model];
    const settling = await openSettling({ dsn, models, number, slot });
    const major = await serverMajor(sql);
    const parts = { dsn, sql, trimmer, slot, models, types, settling, major };
    const made = new SteppedSite(number, parts);
    await made.#open(dsn);
    return made;
  }

  async #open(dsn: string): Promise<void> {
    for (const [number, name] of STEPPED) {
      if (number === this.number) continue;
      const session = await ApplySession.open({
        ...{ dsn, models: this.#models, originName: `${this.#slot}_${number}` },
        ...{ origin: { number, name }, names: () => STEPPED },
      });
      this.#sessions.set(number, session);
      await readProgress(session, { origin: number, incarnation: 1, knowledge: this.#knowledge });
    }
  }

  /** The entities of the revision that this site has. */
  get entities(): Entity[] {
    return this.#models.flatMap(({ entities }) => entities);
  }

  /** How many batches this site has made. */
  get made(): number {
    return this.#batches.length;
  }

  /** Position of the last transaction that was captured here. */
  get position(): bigint {
    const last = this.#batches.at(-1);
    return last === undefined ? 0n : decodeBatch(last.bytes).last;
  }

  /** How many batches of another site are applied here. */
  applied(from: SteppedSite): number {
    return this.#applied.get(from.number) ?? 0;
  }

  /** Begins anew with another revision of the model, as an agent that is started after it was adopted. */
  async revise(models: readonly Model[]): Promise<void> {
    await this.#closeSessions();
    this.#sessions.clear();
    this.#models = models;
    const { dsn } = this;
    this.#settling = await openSettling({ dsn, models, number: this.number, slot: this.#slot });
    this.#settler = new Settler({ ...this.#settling.options, log: silentLog() });
    await this.#open(dsn);
  }

  /** Makes batches of what was written here since. */
  async capture(): Promise<void> {
    // What was committed asynchronously is read once it is on disk: it is with a commit that waits.
    await this.sql.query(`SELECT pg_logical_emit_message(true, 'test', '')`);
    const { rows } = await this.sql.query<{ data: Buffer }>(this.#capture, [this.#slot]);
    for (const { data } of rows) this.#batcher.message(data, 0);
    this.#batcher.flush();
  }

  /**
   * Applies up to so many batches of another site in one transaction, as far as causality permits.
   *
   * @returns how many
   */
  async apply(from: SteppedSite, most: number): Promise<number> {
    const origin = from.number;
    const session = this.#sessions.get(origin)!;
    const fold = new Fold();
    let [count, transactions, position] = [0, 0, this.#knowledge.position(origin)];
    const first = this.#applied.get(origin) ?? 0;
    for (const { bytes } of from.#batches.slice(first, first + most)) {
      const batch = decodeBatch(bytes);
      if (!this.#knowledge.covers(batch.knowledge, origin)) break;
      if (batch.stream !== undefined && count > 0) break;
      count += 1;
      position = batch.last;
      if (batch.stream !== undefined) {
        await this.#applyStream(from, batch);
        break;
      }
      const plans = await session.catalog.plans(batch.relations);
      transactions += foldBatch(fold, batch, { plans, after: batch.previous });
    }
    if (transactions > 0) {
      await this.#beacon.announce({ origin, incarnation: 1, position, maxStamp: fold.maxStamp });
      const commit = { origin, announced: Promise.resolve() };
      await applyFold(session, { fold, position, commitTime: 0n, transactions }, commit);
    }
    this.#knowledge.advance(origin, position);
    this.#applied.set(origin, first + count);
    return count;
  }

  /** A transaction that is larger than what decoding may hold, from its chunks. */
  async #applyStream(from: SteppedSite, batch: DecodedBatch): Promise<void> {
    const session = this.#sessions.get(from.number)!;
    const chunks = (_: number, xid: number): Chunk[] =>
      from.#chunks.filter((chunk) => chunk.xid === xid);
    await applyStream(session, batch, {
      journal: { flush: () => Promise.resolve(), chunks },
      announce: (news) => this.#beacon.announce(news),
    });
    this.streams += 1;
  }

  /**
   * Tries once what waits here for a constraint.
   *
   * @returns how many rows do not wait any more
   */
  async settle(): Promise<number> {
    const { settled } = await this.#settler.round(this.#settling, new AbortController().signal);
    return settled;
  }

  /** Has local writes stamped after a time, as if the clock were ahead; µs since 2020-01-01. */
  async raise(floor: bigint): Promise<void> {
    await this.#beacon.raise(floor << 11n, floor);
  }

  /** The greatest stamp of what is kept of deletes and in histories, and of rows; 0n when there is nothing. */
  async greatest(): Promise<bigint> {
    const stamps = this.entities.map(
      (entity) => `SELECT max(${newest(entity, 'e')}) AS s FROM ${tableOf(entity)} AS e`,
    );
    const { rows } = await this.sql.query<{ s: string | null }>(
      `SELECT max(s) AS s FROM (${stamps.join(' UNION ALL ')}) AS x`,
    );
    return greatest([await greatestKept(this.sql, this.entities), BigInt(rows[0]!.s ?? 0)]);
  }

  /** Deletes what is kept up to a stamp: no site will send anything that was made without it. */
  async collect(stable: bigint): Promise<void> {
    await deleteKept(this.#trimmer, this.entities, { stable, names: () => STEPPED });
  }

  async #closeSessions(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
    await this.#settling.close();
  }

  /** Finds all rows that are here stable: every site has them, and stamps what it writes from now on after them. */
  async findStable(): Promise<void> {
    do {
      this.#marks += 2;
      const mark = { sequence: this.#marks, position: 0n };
      const views = [...STEPPED.keys()].map((number) => ({ number, mark, applied: new Map() }));
      await this.#expired.advance(this.sql, views);
    } while (this.#expired.waiting);
  }

  /**
   * Removes rows whose time is over and that are stable.
   *
   * @returns how many
   */
  async removeExpired(): Promise<number> {
    const removed = await this.#expired.remove();
    this.expired += removed;
    return removed;
  }

  async close(): Promise<void> {
    await this.#closeSessions();
    await this.#beacon.close();
    await this.#expired.close();
    await this.#trimmer.end();
    await this.sql.end();
  }
}

function openSettling(parts: {
  dsn: string;
  models: readonly Model[];
  number: number;
  slot: string;
}): Promise<Settling> {
  const { dsn, models, number, slot } = parts;
  return Settling.open({ dsn, models, site: { number, name: slot }, siteNames: () => STEPPED });
}

interface Parts {
  dsn: string;
  sql: Client;
  trimmer: Client;
  slot: string;
  models: readonly Model[];
  settling: Settling;
  types: Map<number, string>;
  /** Version of the server. */
  major: number;
}
