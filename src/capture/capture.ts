import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Pace } from '../base/pace.ts';
import type { Batch, Chunk, Journal } from '../journal/journal.ts';
import { isTransient } from '../postgres/connect.ts';
import { ReplicationStream } from '../postgres/replication.ts';
import { Batcher } from './batcher.ts';
import type { BatchSink } from './batcher.ts';
import { readSettings } from './setup.ts';

/** Status to the walsender at least this often; half of the smallest sensible wal_sender_timeout. */
const STATUS_MS = 1000;
/** Bytes that the journal has not stored yet, beyond which the socket is not read. */
const HIGH_WATER = 16 * 1024 * 1024;
const LOW_WATER = 4 * 1024 * 1024;
/** Under load the socket is left alone for so long after each batch: a read for each message costs more than the rest. */
const REST_MS = 40;
/**
 * So much came for one batch: this is a backlog that the walsender decodes. Then nothing is gained by waiting, and
 * the walsender would wait too once the socket's buffers are full.
 */
const BACKLOG = 256 * 1024;
const BACKOFF_MS = [100, 200, 500, 1000, 2000, 5000];
const VECTOR_NOTE = 'capture/vector';

export interface CaptureOptions {
  site: { number: number; incarnation: number };
  dsn: string;
  slot: string;
  publication: string;
  /** PostgreSQL's major version: the `origin` option exists from 16 on. */
  serverMajor: number;
  journal: Journal;
  log: Log;
  /** Columns that are not shipped, by `schema.table`. */
  unshipped: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface CaptureStatus {
  state: 'starting' | 'running' | 'retrying' | 'stopped';
  /** Position of the last transaction that was captured. */
  position: bigint;
  lastError?: { at: string; message: string };
}

/**
 * Follows the site's own database by logical decoding and writes its transactions to the journal. The
 * slot is confirmed only up to what the journal has on disk, so a crash at any point loses nothing: the
 * rest is decoded again, at the same positions.
 */
export class Capture {
  readonly #options: CaptureOptions;
  #status: CaptureStatus;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.#status = { state: 'starting', position: options.journal.position(options.site.number) };
  }

  status(): CaptureStatus {
    return this.#status;
  }

  /**
   * Runs until the signal. A lost connection and a full journal are retried with bounded backoff.
   *
   * @throws what a new try cannot cure
   */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const session = new CaptureSession(this.#options, (position) => {
        attempt = 0;
        this.#status.state = 'running';
        this.#status.position = position;
      });
      try {
        await session.run(signal);
      } catch (error) {
        if (signal.aborted) break;
        if (!isTransient(error)) throw error;
        this.#retry(error);
        const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
        await delay(wait, undefined, { signal }).catch(() => undefined);
      }
    }
    this.#status.state = 'stopped';
  }

  #retry(error: unknown): void {
    const message = describeError(error);
    this.#status.state = 'retrying';
    this.#status.lastError = { at: new Date().toISOString(), message };
    this.#options.log.warn({ error: message }, 'capture interrupted');
  }
}

/** One connection's life. */
class CaptureSession implements BatchSink {
  readonly #options: CaptureOptions;
  readonly #onProgress: (position: bigint) => void;
  #stream: ReplicationStream | undefined;
  #batcher: Batcher | undefined;
  readonly #pace = new Pace(REST_MS);
  #flushing: NodeJS.Immediate | undefined;
  #resting: NodeJS.Timeout | undefined;
  #pendingBytes = 0;
  #pending = 0;
  /** Why the socket is not read. */
  readonly #paused = new Set<'journal' | 'pace'>();
  /** Bytes read since the last flush. */
  #unflushed = 0;
  /** End of the WAL that the walsender has read for us. */
  #walEnd = 0n;
  #confirmed = 0n;
  /** Batches of this session that may not be on disk yet, and the last one that is. */
  readonly #made: Point[] = [];
  #stored: Point = { position: 0n, vector: '' };
  #saving = false;
  #fail: (error: unknown) => void = () => undefined;
  readonly #failed = new Promise<never>((_, reject) => (this.#fail = reject));

  constructor(options: CaptureOptions, onProgress: (position: bigint) => void) {
    this.#options = options;
    this.#onProgress = onProgress;
    this.#failed.catch(() => undefined);
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#open();
    const timer = setInterval(() => this.#report(true), STATUS_MS);
    let stop: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    signal.addEventListener('abort', stop, { once: true });
    // It may have come while we waited for the connection.
    if (signal.aborted) stop();
    try {
      await Promise.race([this.#stream!.ended, this.#failed, stopped]);
    } finally {
      signal.removeEventListener('abort', stop);
      clearInterval(timer);
      clearImmediate(this.#flushing);
      clearTimeout(this.#resting);
      this.#stream!.close();
      this.#batcher!.abandon();
      await this.#options.journal.flush().catch(() => undefined);
    }
  }

  async #open(): Promise<void> {
    const { site, dsn, journal, publication } = this.#options;
    const { types, memoryKb } = await readSettings(dsn);
    this.#batcher = new Batcher(
      {
        origin: site.number,
        incarnation: site.incarnation,
        after: journal.position(site.number),
        knowledge: readVector(journal.getNote(VECTOR_NOTE)),
        types,
        unshipped: this.#options.unshipped,
      },
      this,
    );
    const plugin = [
      ...["proto_version '2'", `publication_names '${publication}'`],
      ...["binary 'true'", "messages 'true'", "streaming 'on'"],
      ...(this.#options.serverMajor >= 16 ? ["origin 'none'"] : []),
    ];
    this.#stream = await ReplicationStream.start(
      { dsn, slot: this.#options.slot, plugin, application: 'syncline capture', memoryKb },
      {
        data: (bytes, offset) => this.#onData(bytes, offset),
        keepalive: (walEnd, reply) => this.#onKeepalive(walEnd, reply),
        idle: () => this.#onIdle(),
      },
    );
    this.#onProgress(journal.position(site.number));
  }

  #onData(bytes: Buffer, offset: number): void {
    this.#unflushed += bytes.length;
    try {
      this.#batcher!.message(bytes, offset);
    } catch (error) {
      this.#fail(error);
    }
  }

  #onKeepalive(walEnd: bigint, reply: boolean): void {
    if (walEnd > this.#walEnd) this.#walEnd = walEnd;
    if (reply) this.#report(true);
  }

  /** One read's messages are done. What is complete goes out after all reads of this turn of the event loop. */
  #onIdle(): void {
    if (this.#batcher!.waiting > 0) this.#flushing ??= setImmediate(() => this.#flush());
    else if (this.#pending === 0) this.#report(false);
  }

  #flush(): void {
    this.#flushing = undefined;
    const rest = this.#pace.rest(this.#batcher!.waiting);
    const isBacklog = this.#unflushed > BACKLOG;
    this.#unflushed = 0;
    try {
      this.#batcher!.flush();
    } catch (error) {
      this.#fail(error);
    }
    if (rest > 0 && !isBacklog) this.#rest(rest);
  }

  /** Lets the socket gather. */
  #rest(ms: number): void {
    this.#pause('pace');
    this.#resting = setTimeout(() => this.#resume('pace'), ms);
  }

  batch(batch: Batch): void {
    this.#made.push({ position: batch.last, vector: this.#vector() });
    this.#track(batch.bytes.length, this.#options.journal.append(batch));
    this.#onProgress(batch.last);
  }

  chunk(chunk: Chunk): void {
    this.#track(chunk.bytes.length, this.#options.journal.appendChunk(chunk));
  }

  abort(xid: number): void {
    this.#track(0, this.#options.journal.abortStream(this.#options.site.number, xid));
  }

  #track(bytes: number, work: Promise<void>): void {
    this.#pendingBytes += bytes;
    this.#pending += 1;
    if (this.#pendingBytes > HIGH_WATER) this.#pause('journal');
    work.then(
      () => this.#settled(bytes),
      (error: unknown) => this.#fail(error),
    );
  }

  #settled(bytes: number): void {
    this.#pendingBytes -= bytes;
    this.#pending -= 1;
    if (this.#pendingBytes < LOW_WATER) this.#resume('journal');
    if (this.#pending === 0) this.#report(false);
  }

  #pause(reason: 'journal' | 'pace'): void {
    if (this.#paused.size === 0) this.#stream?.pause();
    this.#paused.add(reason);
  }

  #resume(reason: 'journal' | 'pace'): void {
    if (this.#paused.delete(reason) && this.#paused.size === 0) this.#stream?.resume();
  }

  /**
   * Where a restart may begin. With nothing pending that is the end of the WAL that was read: without it
   * a quiet service would hold the WAL of a busy neighbour database for ever.
   */
  #report(always: boolean): void {
    const { journal, site } = this.#options;
    if (this.#stream === undefined) return;
    const durable = journal.durable(site.number);
    const { busy, waiting } = this.#batcher!;
    while (this.#made[0] !== undefined && this.#made[0].position <= durable) {
      this.#stored = this.#made.shift()!;
    }
    const nothingPending = this.#pending === 0 && !busy && waiting === 0;
    const idle = nothingPending && this.#walEnd > durable;
    const point = idle ? { position: this.#walEnd, vector: this.#vector() } : this.#stored;
    if (point.position > this.#confirmed && this.#vectorSaved(point)) {
      this.#confirmed = point.position;
    } else if (!always) return;
    const status = { written: this.#confirmed, flushed: this.#confirmed, applied: this.#confirmed };
    this.#stream.report(status);
  }

  #vector(): string {
    return [...this.#batcher!.knowledge()].map((entry) => entry.join(' ')).join(',');
  }

  /**
   * False while the vector has to be saved first: its messages before the confirmed position will not be
   * decoded again. The position is confirmed when it is on disk.
   *
   * The vector is that of the position, neither less nor more. With less, what comes after it would be
   * applied before what it was made with knowledge of. With more, a batch that was not on disk is decoded
   * again under a larger vector than before; two sites' batches could then wait for each other for ever.
   */
  #vectorSaved(point: Point): boolean {
    if (point.vector === (this.#options.journal.getNote(VECTOR_NOTE) ?? '')) return true;
    if (!this.#saving) {
      this.#saving = true;
      this.#saveVector(point).catch((error: unknown) => this.#fail(error));
    }
    return false;
  }

  async #saveVector(point: Point): Promise<void> {
    await this.#options.journal.setNote(VECTOR_NOTE, point.vector);
    this.#saving = false;
    if (point.position > this.#confirmed) this.#confirmed = point.position;
    this.#report(true);
  }
}

/** A position of the WAL, and what this site knew of the others there, as the note has it. */
interface Point {
  position: bigint;
  vector: string;
}

function readVector(note: string | undefined): Map<number, bigint> {
  const vector = new Map<number, bigint>();
  for (const entry of note?.split(',') ?? []) {
    const [origin, position] = entry.split(' ');
    vector.set(Number(origin), BigInt(position!));
  }
  return vector;
}
