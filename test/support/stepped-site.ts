import type { Client } from 'pg';
import { applyFold } from '../../src/apply/apply-fold.ts';
import { applyStream } from '../../src/apply/apply-stream.ts';
import { Beacon } from '../../src/apply/beacon.ts';
import { Fold } from '../../src/apply/fold/fold.ts';
import { Knowledge } from '../../src/apply/knowledge.ts';
import { readProgress } from '../../src/apply/progress.ts';
import { foldBatch } from '../../src/apply/fold/read-batch.ts';
import { ApplySession } from '../../src/apply/session.ts';
import { Settling } from '../../src/apply/settle/settling.ts';
import { Batcher } from '../../src/capture/batcher.ts';
import { beginWith, savedVector } from '../../src/capture/confirmation.ts';
import { ensureSlot, readSettings } from '../../src/capture/setup.ts';
import type { DecodedBatch } from '../../src/journal/batch.ts';
import type { Chunk } from '../../src/journal/journal.ts';
import type { Entity, Model } from '../../src/model/ir/ir.ts';
import { unshippedColumns } from '../../src/model/ir/replicated.ts';
import { silentLog } from '../../src/base/log.ts';
import { connect, serverMajor } from '../../src/postgres/connect.ts';
import { useReplicationOrigin } from '../../src/postgres/origin.ts';
import { inTransaction } from '../../src/postgres/transaction.ts';
import { greatest } from '../../src/merge/stamps.ts';
import {
  readMembers,
  readProgress as readPositions,
  upsertMember,
} from '../../src/site/database/catalog.ts';
import type { Member } from '../../src/site/database/catalog.ts';
import { ExpiredRows } from '../../src/site/upkeep/expiry.ts';
import { Settler } from '../../src/site/upkeep/settler.ts';
import { deleteKept, greatestKept } from '../../src/site/upkeep/tombstones.ts';
import { tableOf } from '../../src/sql/names/apply-names.ts';
import { newest } from '../../src/sql/ddl/expiry-sql.ts';
import { installModel } from './install.ts';
import type { TestServer } from './server.ts';
import { SteppedJournal } from './stepped-journal.ts';
import { memberOf, STEPPED, SteppedMembers } from './stepped-members.ts';

/** As an agent asks pgoutput, which has no `origin` before PostgreSQL 16; larger transactions come as streams. */
const capture = (major: number): string =>
  `SELECT data FROM pg_logical_slot_get_binary_changes($1, NULL, NULL, 'proto_version', '2',
  'publication_names', 'crp', 'binary', 'true', 'messages', 'true', 'streaming', 'on'${major >= 16 ? `, 'origin', 'none'` : ''})`;

/** Names and numbers of the first sites of a group in their catalogues. */
const MEMBERS = `INSERT INTO crp.member (name, number, state) SELECT 'site' || g, g, 'active' FROM generate_series(1, 3) AS g`;

/** How a site's database begins. */
export interface SteppedBeginning {
  model: Model;
  /** SQL before that of the model. */
  first?: string | undefined;
  /** Fills the tables of a site that joins, in one transaction; without it the site is one of the first three. */
  fill?: (client: Client) => Promise<void>;
}

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
  readonly slot: string;
  readonly #capture: string;
  #models: readonly Model[];
  readonly journal: SteppedJournal;
  readonly #knowledge: Knowledge;
  readonly #beacon: Beacon;
  readonly #sessions = new Map<number, ApplySession>();
  /** What is known here of members that were removed. */
  readonly members: SteppedMembers;
  readonly #batcher: Batcher;
  readonly #trimmer: Client;
  #expired: ExpiredRows;
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
    this.slot = parts.slot;
    this.#capture = capture(parts.major);
    this.#settler = new Settler({ ...parts.settling.options, log: silentLog() });
    this.#settling = parts.settling;
    this.#models = parts.models;
    this.#expired = this.#expiry();
    this.journal = parts.journal;
    this.#knowledge = new Knowledge(number);
    this.members = new SteppedMembers({
      ...{ number, sql: parts.sql, journal: parts.journal, knowledge: this.#knowledge },
    });
    this.#beacon = parts.beacon;
    this.#batcher = new Batcher(
      {
        ...{ origin: number, incarnation: 1, after: 0n },
        knowledge: savedVector(parts.journal.asJournal()),
        ...{ types: parts.types, unshipped: unshippedColumns(parts.models) },
      },
      parts.journal.sink,
    );
  }

  static async create(
    server: TestServer,
    number: number,
    { model, first, fill }: SteppedBeginning,
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
    if (fill === undefined) await sql.query(MEMBERS);
    else {
      await upsertMember(sql, memberOf(number));
      await inTransaction(sql, () => fill(sql)).catch(async (error: unknown) => {
        await sql.end();
        throw error;
      });
    }
    const slot = `crp_${name}`.replaceAll('-', '_');
    await ensureSlot(dsn, slot);
    const { types } = await readSettings(dsn);
    const trimmer = await connect(dsn, 'test trim');
    await useReplicationOrigin(trimmer, `${slot}_trim`);
    const models = [model];
    const beacon = new Beacon(dsn, () => true);
    const settling = await openSettling({ dsn, models, number, slot, beacon });
    const major = await serverMajor(sql);
    const known = await readPositions(sql);
    const journal = new SteppedJournal(number, known);
    await beginWith(journal.asJournal(), known);
    const parts = { dsn, sql, trimmer, slot, models, types, settling, beacon, major, journal };
    const made = new SteppedSite(number, parts);
    await made.#open(dsn);
    return made;
  }

  /** @param only this one of the members; all when absent */
  async #open(dsn: string, only?: number): Promise<void> {
    for (const { number, name } of await readMembers(this.sql)) {
      if (number === this.number || number !== (only ?? number)) continue;
      const session = await ApplySession.open({
        ...{ dsn, models: this.#models, originName: `${this.slot}_${number}` },
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

  /** Which revisions it has, as an agent says it. */
  get revisions(): string {
    return this.#models.map(({ name, revision }) => `${name}:${revision}`).join();
  }

  /** How many batches this site has made. */
  get made(): number {
    return this.journal.made;
  }

  /** Position of the last transaction that was captured here. */
  get position(): bigint {
    return this.journal.position(this.number);
  }

  /** How many batches of another site are applied here. */
  applied(from: SteppedSite): number {
    return from.journal.upTo(this.#knowledge.position(from.number));
  }

  /** Begins anew with another revision of the model, as an agent that is started after it was adopted. */
  async revise(models: readonly Model[]): Promise<void> {
    await this.#closeSessions();
    this.#sessions.clear();
    this.#models = models;
    await this.#expired.close();
    this.#expired = this.#expiry();
    const { dsn, number, slot } = this;
    this.#settling = await openSettling({ dsn, models, number, slot, beacon: this.#beacon });
    this.#settler = new Settler({ ...this.#settling.options, log: silentLog() });
    await this.#open(dsn);
  }

  /** Makes batches of what was written here since. */
  async capture(): Promise<void> {
    // What was committed asynchronously is read once it is on disk: it is with a commit that waits.
    await this.sql.query(`SELECT pg_logical_emit_message(true, 'test', '')`);
    const { rows } = await this.sql.query<{ data: Buffer }>(this.#capture, [this.slot]);
    for (const { data } of rows) this.#batcher.message(data, 0);
    this.#batcher.flush();
  }

  /**
   * Applies up to so many batches of another site in one transaction, as far as causality permits and, when that site is
   * lost, as far as they are here.
   *
   * @returns how many
   */
  async apply(from: SteppedSite, most: number): Promise<number> {
    const origin = from.number;
    const session = this.#sessions.get(origin)!;
    const fold = new Fold();
    const begin = this.#knowledge.position(origin);
    let [count, transactions, position] = [0, 0, begin];
    const first = this.applied(from);
    this.journal.pull(from.journal, first + most);
    const end = Math.min(first + most, from.journal.upTo(this.journal.position(origin)));
    for (let place = first; place < end; place++) {
      const batch = from.journal.batch(place);
      if (!this.#knowledge.covers(batch.knowledge, origin)) break;
      if (batch.stream !== undefined && count > 0) break;
      if (this.members.waive(origin, batch.knowledge)) session.history.restores = true;
      count += 1;
      position = batch.last;
      if (batch.stream !== undefined) {
        await this.#applyStream(from, batch);
        break;
      }
      const plans = await session.catalog.plans(batch.relations);
      transactions += foldBatch(fold, batch, { plans, after: begin });
    }
    if (transactions > 0) {
      await this.#beacon.announce({ origin, incarnation: 1, position, maxStamp: fold.maxStamp });
      const commit = { origin, announced: Promise.resolve() };
      await applyFold(session, { fold, position, commitTime: 0n, transactions }, commit);
    }
    this.#knowledge.advance(origin, position);
    return count;
  }

  /** A transaction that is larger than what decoding may hold, from its chunks. */
  async #applyStream(from: SteppedSite, batch: DecodedBatch): Promise<void> {
    const session = this.#sessions.get(from.number)!;
    await applyStream(session, batch, {
      journal: {
        flush: () => Promise.resolve(),
        chunks: (_: number, xid: number): Chunk[] => from.journal.chunks(xid),
      },
      announce: (news) => this.#beacon.announce(news),
    });
    this.streams += 1;
  }

  /** Announces all that applies under way could make visible, before a base copy of this site begins. */
  async announce(members: readonly SteppedSite[]): Promise<void> {
    for (const { number: origin } of members) {
      const position = this.journal.position(origin);
      if (origin === this.number || position === 0n) continue;
      await this.#beacon.announce({ origin, incarnation: 1, position, maxStamp: 0n });
    }
  }

  /** Notes what is said of a member. */
  async learn(member: Member): Promise<void> {
    await upsertMember(this.sql, member);
    if (member.state === 'active' && !this.#sessions.has(member.number))
      await this.#open(this.dsn, member.number);
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

  #expiry(): ExpiredRows {
    return new ExpiredRows({
      ...{ dsn: this.dsn, site: this.slot, models: this.#models },
      follow: () => Promise.resolve(true),
    });
  }

  /**
   * Finds all rows that are here stable: every site has them, and stamps what it writes from now on after them.
   *
   * @param sites all of the group
   */
  async findStable(sites: readonly SteppedSite[]): Promise<void> {
    do {
      this.#marks += 2;
      const mark = { sequence: this.#marks, position: 0n };
      const views = sites.map(({ number, revisions: models }) => ({
        ...{ number, mark, models, applied: new Map<number, bigint>() },
      }));
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
  beacon: Beacon;
}): Promise<Settling> {
  const { dsn, models, number, slot, beacon } = parts;
  return Settling.open({
    ...{ dsn, models, site: { number, name: slot }, siteNames: () => STEPPED },
    follow: (stamp) => beacon.raise(stamp, stamp >> 11n),
  });
}

interface Parts {
  journal: SteppedJournal;
  beacon: Beacon;
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
