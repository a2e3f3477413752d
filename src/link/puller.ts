import type { ClientHttp2Stream } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError, describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { batchDamaged, readBatch } from '../journal/batch.ts';
import { checkBatch, checkChunk } from '../journal/check-frames.ts';
import { isJournalFull } from '../journal/group-commit.ts';
import type { Journal } from '../journal/journal.ts';
import { encodeAck } from './acks.ts';
import { accepted, PeerConnection, STALL_MS } from './client.ts';
import type { PeerOptions } from './client.ts';
import { FRAME, FrameReader } from './frames.ts';
import type { Frame } from './frames.ts';

const ACK_MS = 200;
const BACKOFF_MS = [100, 200, 500, 1000, 2000];
/** What the pause is while the journal is full: what frees it comes every two seconds. */
const WHILE_FULL = 2;
/** An answer may take longer than a heartbeat: the peer asks its database. */
const ANSWER_MS = 30_000;
const STALLED_HINT =
  'Its machine, its agent or the network hangs; the link is made again by itself';
/** Bytes received that the journal has not stored yet. */
const MAX_PENDING = 8 * 1024 * 1024;

export interface PullerOptions {
  /** Whom to pull from, and with which certificates: asked for with every connection. */
  connection: () => PeerOptions;
  origin: number;
  journal: Journal;
  modelHash: () => string;
  applied: () => bigint;
  /** Silence after which the link is made again; for tests. */
  stallMs?: number;
  log: Log;
}

export interface PullerStatus {
  state: 'connecting' | 'connected' | 'retrying' | 'stopped';
  /** When the peer was last heard of, ms since the Unix epoch. */
  contactAt?: number;
  lastError?: { at: string; code?: string; message: string };
}

/** Pulls one origin's batches from one peer into this site's journal. */
export class Puller {
  readonly #options: PullerOptions;
  readonly #stallMs: number;
  #status: PullerStatus = { state: 'connecting' };
  /** For how long nothing has come. */
  #silentMs = 0;

  constructor(options: PullerOptions) {
    this.#options = options;
    this.#stallMs = options.stallMs ?? STALL_MS;
  }

  status(): PullerStatus {
    return { ...this.#status };
  }

  /** Runs until the signal; every failure is retried with bounded backoff and shown in the status. */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#pull(signal, () => {
          attempt = 0;
          this.#status.state = 'connected';
        });
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error);
        // The connection could be had, and yet there is no sense in another one at once.
        if (isJournalFull(error)) attempt = WHILE_FULL;
      }
      const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
    this.#status.state = 'stopped';
  }

  #name(): string {
    return this.#options.connection().peer.name;
  }

  #failed(error: unknown): void {
    const message = describeError(error);
    const code = (error as { code?: string }).code;
    const at = new Date().toISOString();
    this.#status.state = 'retrying';
    this.#status.lastError = { at, message, ...(code ? { code } : {}) };
    this.#options.log.warn({ peer: this.#name(), error: message }, 'link interrupted');
  }

  async #pull(signal: AbortSignal, connected: () => void): Promise<void> {
    const { journal, origin } = this.#options;
    const connection = await PeerConnection.open(this.#options.connection());
    const end = (): void => connection.close();
    signal.addEventListener('abort', end, { once: true });
    // It may have come while we waited for the connection.
    if (signal.aborted) end();
    try {
      const time = journal.time(origin);
      const stream = connection.request({
        ':path': '/v1/pull',
        'crp-origin': String(origin),
        'crp-after': String(journal.position(origin)),
        ...(time === undefined ? {} : { 'crp-after-time': String(time) }),
        'crp-models': this.#options.modelHash(),
      });
      await this.#receive(stream, connected);
    } catch (error) {
      throw connection.explain(error);
    } finally {
      signal.removeEventListener('abort', end);
      connection.close();
    }
  }

  async #receive(stream: ClientHttp2Stream, connected: () => void): Promise<void> {
    this.#silentMs = this.#stallMs - ANSWER_MS;
    const acks = setInterval(() => this.#tick(stream), ACK_MS);
    try {
      await accepted(stream, this.#name());
      this.#silentMs = 0;
      connected();
      await this.#store(stream);
    } finally {
      clearInterval(acks);
      stream.destroy();
    }
  }

  async #store(stream: ClientHttp2Stream): Promise<void> {
    await this.#receiveAll(stream);
    throw new AppError('LINK_CLOSED', `${this.#name()} closed the link`, { retry: 'later' });
  }

  /**
   * Settles when the stream has ended and is stored; fails with the first frame that cannot be. Parts are taken as they
   * come: an asynchronous iterator would first copy what has gathered into one buffer.
   */
  #receiveAll(stream: ClientHttp2Stream): Promise<void> {
    const reader = new FrameReader();
    const pending = new Set<Promise<void>>();
    let bytes = 0;
    let failed = false;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        failed = true;
        stream.pause();
        reject(error as Error);
      };
      const store = (frame: Frame): void => {
        const size = frame.payload.length;
        bytes += size;
        const work = this.#frame(frame)
          .catch(fail)
          .then(() => {
            bytes -= size;
            pending.delete(work);
            if (bytes <= MAX_PENDING && !failed && stream.isPaused()) stream.resume();
          });
        pending.add(work);
      };
      stream.on('data', (part: Buffer) => {
        this.#status.contactAt = Date.now();
        this.#silentMs = 0;
        try {
          for (const frame of reader.push(part)) if (!failed) store(frame);
        } catch (error) {
          fail(error);
        }
        if (bytes > MAX_PENDING) stream.pause();
      });
      const ended = (): void => void Promise.all(pending).then(() => resolve());
      stream.once('error', reject);
      stream.once('end', ended);
      stream.once('close', ended);
    });
  }

  async #frame({ kind, payload }: Frame): Promise<void> {
    const { journal, origin } = this.#options;
    if (kind === FRAME.batch) {
      const batch = readBatch(origin, payload);
      checkBatch(payload);
      await journal.append(batch);
    } else if (kind === FRAME.chunk) {
      if (payload.length < 8) throw batchDamaged('a part of a transaction ends early');
      const [xid, number] = [payload.readUInt32BE(0), payload.readUInt32BE(4)];
      const bytes = payload.subarray(8);
      checkChunk(bytes);
      await journal.appendChunk({ origin, xid, number, bytes });
    } else if (kind === FRAME.abort) await journal.abortStream(origin, payload.readUInt32BE(0));
  }

  /**
   * Ends a link over which nothing comes any more. The stream's own time-out does not see that: what is written counts for
   * it. Nor is it counted by a clock, since this process, too, may have been stopped; and its own pause is no silence.
   */
  #tick(stream: ClientHttp2Stream): void {
    if (!stream.isPaused()) this.#silentMs += ACK_MS;
    if (this.#silentMs <= this.#stallMs) return this.#acknowledge(stream);
    const name = this.#name();
    const details = { hint: STALLED_HINT, retry: 'later' } as const;
    stream.destroy(new AppError('LINK_STALLED', `Nothing comes from ${name} any more`, details));
  }

  #acknowledge(stream: ClientHttp2Stream): void {
    if (stream.destroyed || stream.closed) return;
    const { journal, origin, applied } = this.#options;
    stream.write(encodeAck(journal.durable(origin), applied()));
  }
}
