import { escapeLiteral } from 'pg';
import type { Client } from 'pg';
import { connect } from './connect.ts';
import { formatLsn } from './lsn.ts';

/** PostgreSQL's epoch, 2000-01-01 UTC, with which commit times begin; ms since the Unix epoch. */
export const POSTGRES_EPOCH_MS = 946_684_800_000;

/** Name and value of an option of the output plugin. */
export type PluginOption = readonly [name: string, value: string];

/** How a logical slot is read, whatever reads it. */
export interface SlotOptions {
  dsn: string;
  slot: string;
  plugin: readonly PluginOption[];
  /** Shown in `pg_stat_activity`. */
  application: string;
  /** `logical_decoding_work_mem`, in kB. */
  memoryKb: number;
}

/** Bytes of small messages that surely fit in a socket's buffers: TCP's grow, those of a Unix-domain socket do not. */
const TCP_HOLDS = 256 * 1024;
const UNIX_HOLDS = 32 * 1024;

/**
 * The walsender ends when it hears nothing for so long. PostgreSQL's default: with less, as for standbys nearby, it
 * would end whenever the agent is paused, or busy.
 */
const WALSENDER_TIMEOUT_MS = 60_000;

/** What a walsender tells (PostgreSQL manual, 53.4 "Streaming Replication Protocol"). */
export interface ReplicationHandler {
  /**
   * One message of the output plugin. `bytes` is valid during the call only; `offset` is where the
   * plugin's data begin.
   */
  data(bytes: Buffer, offset: number): void;
  /** The server is at this WAL position and has sent all before it. */
  keepalive(walEnd: bigint, replyRequested: boolean): void;
  /** Called after the messages that one read of the socket brought. */
  idle(): void;
}

/** Positions reported to the walsender. */
export interface StandbyStatus {
  written: bigint;
  flushed: bigint;
  applied: bigint;
}

interface RawConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  on(event: 'copyData', listener: (message: { chunk: Buffer }) => void): void;
  stream: {
    pause(): void;
    resume(): void;
    on(event: 'data', listener: () => void): void;
    destroy(): void;
  };
}

/** One run of START_REPLICATION on a logical slot. */
export class ReplicationStream {
  readonly #client: Client;
  readonly #connection: RawConnection;
  /** So many bytes the socket can gather while it is not read; the walsender waits when it is full. */
  readonly holds: number;
  /** Settles (rejects) when the stream ends; a stream has no good end. */
  readonly ended: Promise<never>;

  private constructor(client: Client, ended: Promise<never>) {
    this.#client = client;
    this.#connection = (client as unknown as { connection: RawConnection }).connection;
    this.holds = client.host.startsWith('/') ? UNIX_HOLDS : TCP_HOLDS;
    this.ended = ended;
  }

  /**
   * Starts streaming after the slot's confirmed position, or after another one that is later.
   *
   * @param options.after transactions that committed before it are left out
   */
  static async start(
    options: SlotOptions & { after: bigint },
    handler: ReplicationHandler,
  ): Promise<ReplicationStream> {
    const client = await connect(options.dsn, options.application, {
      replication: 'database',
      settings: {
        logical_decoding_work_mem: options.memoryKb,
        wal_sender_timeout: WALSENDER_TIMEOUT_MS,
      },
    });
    const raw = (client as unknown as { connection: RawConnection }).connection;
    raw.on('copyData', ({ chunk }) => dispatch(chunk, handler));
    // After node-postgres' own listener, which has called copyData for every message of this read.
    raw.stream.on('data', () => handler.idle());
    const plugin = options.plugin.map(([name, value]) => `${name} ${escapeLiteral(value)}`);
    const query = client.query(
      `START_REPLICATION SLOT "${options.slot}" LOGICAL ${formatLsn(options.after)} (${plugin.join(', ')})`,
    );
    const ended = query.then(
      () => Promise.reject(new Error('Connection terminated: the walsender ended the stream')),
      (error: unknown) => Promise.reject(error),
    );
    ended.catch(() => undefined);
    const lost = new Promise<never>((_, reject) => {
      client.once('end', () => reject(new Error('Connection terminated')));
      client.once('error', reject);
    });
    lost.catch(() => undefined);
    return new ReplicationStream(client, Promise.race([ended, lost]) as Promise<never>);
  }

  /** Reports positions: the server keeps WAL after `flushed` only, and releases sync commits up to it. */
  report(status: StandbyStatus): void {
    const message = Buffer.allocUnsafe(34);
    message[0] = 0x72;
    message.writeBigUInt64BE(status.written, 1);
    message.writeBigUInt64BE(status.flushed, 9);
    message.writeBigUInt64BE(status.applied, 17);
    message.writeBigInt64BE(BigInt(Date.now() - POSTGRES_EPOCH_MS) * 1000n, 25);
    message[33] = 0;
    this.#connection.sendCopyFromChunk(message);
  }

  /** Stops reading from the socket; the server then waits. */
  pause(): void {
    this.#connection.stream.pause();
  }

  resume(): void {
    this.#connection.stream.resume();
  }

  close(): void {
    this.#connection.stream.destroy();
    void this.#client.end().catch(() => undefined);
  }
}

function dispatch(chunk: Buffer, handler: ReplicationHandler): void {
  if (chunk[0] === 0x77) handler.data(chunk, 25);
  else if (chunk[0] === 0x6b) handler.keepalive(chunk.readBigUInt64BE(1), chunk[17] === 1);
}
