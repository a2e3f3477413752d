import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { isIntegrityViolation } from '../apply/rows/integrity.ts';
import { RowCodec } from '../apply/rows/row-codec.ts';
import { ApplySession } from '../apply/session.ts';
import { policyOf } from '../merge/policy.ts';
import type { Entity, Model } from '../model/ir/ir.ts';
import { isInUse, isTransient } from '../postgres/connect.ts';
import type { Shape } from '../sql/names/shape.ts';
import { hiddenNames } from '../sql/names/shape.ts';
import { WRITABLE_COLUMNS } from '../sql/checks/verify.ts';
import { recordDrift } from './drift-record.ts';
import { mergeStates } from './merge-states.ts';
import { MendWriter } from './mend-writer.ts';
import type { Mend } from './mend-writer.ts';
import { fromWire } from './protocol.ts';
import type { MendOutcome, MendRow } from './protocol.ts';
import { readStates } from './read-rows.ts';
import { sameRow, stateToken } from './state.ts';
import type { SiteState } from './state.ts';

/** A session that ended a moment ago may hold the replication origin still. */
const ORIGIN_TRIES = 50;
const ORIGIN_WAIT_MS = 100;
const UNDO_ROWS = 'ROLLBACK TO SAVEPOINT crp_rows; RELEASE SAVEPOINT crp_rows';

export interface MenderOptions {
  dsn: string;
  site: { name: string; number: number };
  models: readonly Model[];
  siteName: (number: number) => string;
}

/**
 * Makes rows of this site what the states of all compared sites say together. Writes as apply does: as a
 * replica, under a replication origin of its own (nothing is captured again), under row locks, and only
 * where the row still is what was compared. Each row that changes is recorded in `crp.conflict`.
 */
export class Mender {
  readonly #options: MenderOptions;
  /** One at a time: one session only may use the replication origin. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: MenderOptions) {
    this.#options = options;
  }

  /** Outcomes in the order of the rows. @throws the database's error; nothing is mended then */
  mend(entity: Entity, rows: readonly MendRow[]): Promise<MendOutcome[]> {
    const next = this.#queue.then(() => this.#mend(entity, rows));
    this.#queue = next.catch(() => undefined);
    return next;
  }

  async #mend(entity: Entity, rows: readonly MendRow[]): Promise<MendOutcome[]> {
    const session = await this.#open();
    try {
      return await new MendTransaction(session, this.#options, entity).run(rows);
    } catch (error) {
      // Somebody works on the rows: they are compared again.
      if (!isTransient(error)) throw error;
      return rows.map(() => ({ outcome: 'changed', reason: (error as Error).message }));
    } finally {
      // The server frees the origin some time after a session has gone, or at once when told.
      const { client } = session;
      await client.query('ROLLBACK').catch(() => undefined);
      await client.query('SELECT pg_replication_origin_session_reset()').catch(() => undefined);
      await session.close();
    }
  }

  async #open(): Promise<ApplySession> {
    const { dsn, site, models } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await ApplySession.open({
          ...{ dsn, models, origin: { number: site.number, name: site.name } },
          originName: `crp_${site.name}_repair`,
        });
      } catch (error) {
        if (!isInUse(error) || attempt === ORIGIN_TRIES) throw error;
        await delay(ORIGIN_WAIT_MS);
      }
    }
  }
}

/** One transaction that mends some rows of one entity. */
class MendTransaction {
  readonly #session: ApplySession;
  readonly #client: Client;
  readonly #options: MenderOptions;
  readonly #entity: Entity;

  constructor(session: ApplySession, options: MenderOptions, entity: Entity) {
    this.#session = session;
    this.#client = session.client;
    this.#options = options;
    this.#entity = entity;
  }

  async run(rows: readonly MendRow[]): Promise<MendOutcome[]> {
    const client = this.#client;
    const { site } = this.#options;
    // The person who mends wants it to last: unlike apply, nobody sends these changes again.
    await this.#session.begin();
    await client.query('SET LOCAL synchronous_commit = on');
    const codec = new RowCodec(await this.#shape());
    const keys = rows.map((row) => row.key);
    const query = { site: site.number, keys, values: true, lock: true };
    const states = await readStates(client, this.#entity, query);
    const writer = new MendWriter(client, codec);
    const mends = rows.map((row, index) => this.#plan(row, states[index]!));
    const work = mends.filter((mend) => typeof mend !== 'string');
    const done = new Map(await this.#all(writer, work));
    await this.#session.commit();
    return mends.map((mend) => (typeof mend === 'string' ? { outcome: mend } : done.get(mend)!));
  }

  /** What has to be done about a row, or why nothing is. */
  #plan(row: MendRow, state: SiteState): Mend | 'changed' | 'unchanged' {
    if (stateToken(state) !== row.expected) return 'changed';
    const groups = this.#entity.groups.length;
    const others = row.others.map((other) => fromWire(other, groups));
    const merged = mergeStates(policyOf(this.#entity), [state, ...others]);
    const wanted: SiteState = { site: state.site };
    if (merged.row !== undefined) wanted.row = merged.row;
    return sameRow(state, wanted) ? 'unchanged' : { key: row.key, state, others, merged };
  }

  /** All rows at once; if one of them cannot be written, each stands or falls alone. */
  async #all(writer: MendWriter, mends: readonly Mend[]): Promise<[Mend, MendOutcome][]> {
    if (mends.length === 0) return [];
    const outcome = await this.#try(writer, mends);
    if (outcome.outcome === 'mended' || mends.length === 1) {
      return mends.map((mend) => [mend, outcome]);
    }
    const alone: [Mend, MendOutcome][] = [];
    for (const mend of mends) alone.push([mend, await this.#try(writer, [mend])]);
    return alone;
  }

  async #try(writer: MendWriter, mends: readonly Mend[]): Promise<MendOutcome> {
    await this.#client.query('SAVEPOINT crp_rows');
    try {
      if (await writer.write(mends)) {
        await recordDrift(this.#client, writer.codec, { mends, siteName: this.#options.siteName });
        await this.#client.query('RELEASE SAVEPOINT crp_rows');
        return { outcome: 'mended' };
      }
      await this.#client.query(UNDO_ROWS);
      return { outcome: 'changed' };
    } catch (error) {
      if (!isIntegrityViolation(error)) throw error;
      await this.#client.query(UNDO_ROWS);
      return { outcome: 'refused', reason: (error as Error).message };
    }
  }

  /** The columns that are written: the model's and the hidden ones, but for generated ones. */
  async #shape(): Promise<Shape> {
    const entity = this.#entity;
    const { schema, name } = entity.table;
    const { rows } = await this.#client.query<{ name: string; type: string }>(WRITABLE_COLUMNS, [
      ...[schema, name],
    ]);
    const names = entity.columns.map((column) => column.name);
    const known = new Set([...names, ...hiddenNames(entity)]);
    const columns = rows.filter((column) => known.has(column.name));
    return {
      entity,
      columns: columns.map((column) => ({
        ...{ ...column, typeName: column.type, oid: 0, arrayOid: 0 },
      })),
    };
  }
}
