import type { Log } from '../base/log.ts';
import { Pace } from '../base/pace.ts';
import type { Batch, Chunk, Journal } from '../journal/journal.ts';
import { ReplicationStream } from '../postgres/replication.ts';
import { Batcher } from './batcher.ts';
import type { BatchSink } from './batcher.ts';
import { Confirmation, savedVector } from './confirmation.ts';
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

/** Capture while one connection lives. */
export class CaptureSession implements BatchSink {
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
  readonly #confirmation: Confirmation;
  #fail: (error: unknown) => void = () => undefined;
  readonly #failed = new Promise<never>((_, reject) => (this.#fail = reject));

  constructor(options: CaptureOptions, onProgress: (position: bigint) => void) {
    this.#options = options;
    this.#onProgress = onProgress;
    this.#failed.catch(() => undefined);
    this.#confirmation = new Confirmation({
      ...{ journal: options.journal, site: options.site.number },
      knowledge: () => this.#batcher!.knowledge(),
      saved: () => this.#report(true),
      failed: this.#fail,
    });
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
        knowledge: savedVector(journal),
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
    this.#confirmation.made(batch.last);
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

  /** Tells the walsender where a restart may begin. */
  #report(always: boolean): void {
    if (this.#stream === undefined) return;
    const { busy, waiting } = this.#batcher!;
    const nothingPending = this.#pending === 0 && !busy && waiting === 0;
    const { position, moved } = this.#confirmation.advance(
      nothingPending ? this.#walEnd : undefined,
    );
    if (!moved && !always) return;
    this.#stream.report({ written: position, flushed: position, applied: position });
  }
}
