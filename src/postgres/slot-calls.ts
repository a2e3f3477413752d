import { escapeLiteral } from 'pg';
import type { Client } from 'pg';
import { connect } from './connect.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import type { SlotOptions } from './replication.ts';
import { RunningLog } from './running-log.ts';

/** WAL that one call decodes, in bytes; more, up to the second number, where much of it has to be read again. */
const STEP = 16n * 1024n * 1024n;
const LONGEST_STEP = 64n * 1024n * 1024n;
/** Before the value of a row's only column in COPY's binary format (PostgreSQL manual, COPY, "Binary Format"). */
const FIELD_HEADER = 6;
/** Before the first row. */
const FILE_HEADER = 19;
/** Whether commits wait for a standby (PostgreSQL manual, 19.6.2, `synchronous_standby_names`). */
const SYNCHRONOUS = `current_setting('synchronous_standby_names') <> ''`;
/**
 * The slot is kept on standbys (from PostgreSQL 17 on), and only a walsender of it waits for those of
 * `synchronized_standby_slots`: a copy of the slot is not kept, and what it gave could be lost with the server.
 */
const FAILOVER = `coalesce(to_jsonb(s) ->> 'failover', '') = 'true'`;

interface CopyOutConnection {
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): void;
  stream: { pause(): void; resume(): void };
}

/** What one call read. */
export interface Reading {
  /** All transactions that commit before it were handed over. */
  end: bigint;
  /** Where the WAL ended when the call began. */
  flushed: bigint;
  /** There was more WAL than was read. */
  more: boolean;
  /** WAL that each call reads again, in bytes: the slot can begin only where it knows which transactions run. */
  again: bigint;
  /** Commits wait for a standby now, which only a walsender can be. */
  synchronous: boolean;
}

/** How the server can be had to write down which transactions run; `none` where it does so itself only. */
type RunningBy = 'function' | 'slot' | 'none';

/**
 * Reads a logical slot by SQL (PostgreSQL manual, 9.28.6 "Replication Management Functions"). A walsender asks its socket
 * for replies after each record of the WAL and sends each message by itself; a call does neither, and decodes five times
 * as many transactions in the same CPU time. The calls read a temporary copy of the slot, which may move on at once; the
 * slot itself is confirmed as before.
 */
export class SlotCalls {
  readonly #client: Client;
  readonly #connection: CopyOutConnection;
  readonly #slot: string;
  readonly #plugin: string;
  #copy: string | undefined;
  #runningBy: RunningBy = 'none';
  readonly #running: RunningLog;
  #row: (chunk: Buffer) => void = () => undefined;

  private constructor(client: Client, options: SlotOptions) {
    this.#client = client;
    this.#connection = (client as unknown as { connection: CopyOutConnection }).connection;
    this.#connection.on('copyData', ({ chunk }) => this.#row(chunk));
    this.#slot = options.slot;
    this.#running = new RunningLog(options);
    this.#plugin = options.plugin.flat().map(escapeLiteral).join(', ');
  }

  static async connect(options: SlotOptions): Promise<SlotCalls> {
    const client = await connect(options.dsn, options.application, {
      settings: { logical_decoding_work_mem: options.memoryKb },
    });
    return new SlotCalls(client, options);
  }

  /**
   * How far the WAL is, how far the slot, and whether commits wait for a standby, which a walsender alone can be, or what
   * is read waits for one.
   */
  async look(): Promise<{ written: bigint; confirmed: bigint; synchronous: boolean }> {
    const { rows } = await this.#client.query<Record<'written' | 'confirmed', string> & Waits>(
      `SELECT pg_current_wal_lsn()::text AS written, confirmed_flush_lsn::text AS confirmed,
         ${SYNCHRONOUS} OR ${FAILOVER} AS synchronous
       FROM pg_replication_slots AS s WHERE slot_name = $1`,
      [this.#slot],
    );
    // Without its slot a walsender ends with an error that says so.
    if (rows[0] === undefined) return { written: 0n, confirmed: 0n, synchronous: true };
    const { written, confirmed, synchronous } = rows[0];
    return { written: parseLsn(written), confirmed: parseLsn(confirmed), synchronous };
  }

  /**
   * Makes the temporary slot: calls can begin.
   *
   * @param after transactions that committed before it are left out
   * @throws the database's error, for example 53400 when all slots are in use
   */
  async begin(after: bigint): Promise<void> {
    const { rows } = await this.#client.query<{ name: string; confirmed: string; by: RunningBy }>(
      `SELECT slot_name AS name, lsn::text AS confirmed,
         CASE has_function_privilege(to_regprocedure('pg_log_standby_snapshot()'), 'EXECUTE')
           WHEN true THEN 'function' WHEN false THEN 'none' ELSE 'slot' END AS by
       FROM pg_copy_logical_replication_slot($1, left($1::name::text, 50) || '_' || pg_backend_pid(), true)`,
      [this.#slot],
    );
    const { name, confirmed, by } = rows[0]!;
    this.#copy = name;
    this.#runningBy = by;
    if (after > parseLsn(confirmed)) {
      await this.#client.query('SELECT pg_replication_slot_advance($1, $2)', [
        this.#copy,
        formatLsn(after),
      ]);
    }
  }

  /**
   * One call: decodes what there is, but no more than one step.
   *
   * @param data takes one message of the output plugin, as a replication stream's handler does
   */
  async read(data: (bytes: Buffer, offset: number) => void): Promise<Reading> {
    const { from, flushed, again, synchronous } = await this.#place();
    if (flushed <= from) return { end: from, flushed, more: false, again, synchronous };
    const step = stepFor(again);
    const more = flushed - from > step;
    const end = more ? from + step : flushed;
    let offset = FILE_HEADER + FIELD_HEADER;
    this.#row = (chunk) => {
      // The trailer has no field.
      if (chunk.length > offset) data(chunk, offset);
      offset = FIELD_HEADER;
    };
    await this.#client.query(
      `COPY (SELECT data FROM pg_logical_slot_get_binary_changes(${escapeLiteral(this.#copy!)},
         ${escapeLiteral(formatLsn(end))}, NULL, ${this.#plugin})) TO STDOUT (FORMAT binary)`,
    );
    return { end, flushed, more, again, synchronous };
  }

  async #place(): Promise<{ from: bigint; flushed: bigint; again: bigint; synchronous: boolean }> {
    const { rows } = await this.#client.query<
      Record<'from' | 'restart' | 'flushed', string> & Waits
    >(
      `SELECT confirmed_flush_lsn::text AS from, restart_lsn::text AS restart,
         pg_current_wal_flush_lsn()::text AS flushed, ${SYNCHRONOUS} AS synchronous
       FROM pg_replication_slots WHERE slot_name = $1`,
      [this.#copy],
    );
    const from = parseLsn(rows[0]!.from);
    const flushed = parseLsn(rows[0]!.flushed);
    const { restart, synchronous } = rows[0]!;
    return { from, flushed, again: from - parseLsn(restart), synchronous };
  }

  /** Confirms the slot itself. Nothing happens while the walsender that had it has not ended. */
  async confirm(position: bigint): Promise<void> {
    await this.#client.query(
      `SELECT pg_replication_slot_advance(slot_name, $2) FROM pg_replication_slots
       WHERE slot_name = $1 AND NOT active AND confirmed_flush_lsn < $2`,
      [this.#slot, formatLsn(position)],
    );
  }

  /** Has the server write down which transactions run, if it can: slots can begin there. */
  async logRunning(): Promise<void> {
    if (this.#runningBy === 'slot') this.#running.write();
    else if (this.#runningBy === 'function')
      await this.#client.query('SELECT pg_log_standby_snapshot()');
  }

  /** Gives the temporary slot back. */
  async end(): Promise<void> {
    if (this.#copy === undefined) return;
    const copy = this.#copy;
    this.#copy = undefined;
    await this.#client.query('SELECT pg_drop_replication_slot($1)', [copy]);
  }

  /** Stops reading from the socket; the server then waits. */
  pause(): void {
    this.#connection.stream.pause();
  }

  resume(): void {
    this.#connection.stream.resume();
  }

  close(): void {
    this.#running.close();
    void this.#client.end().catch(() => undefined);
  }
}

/** Half of what a call reads again, within limits. */
function stepFor(again: bigint): bigint {
  const half = again / 2n;
  if (half < STEP) return STEP;
  return half > LONGEST_STEP ? LONGEST_STEP : half;
}

interface Waits {
  synchronous: boolean;
}
