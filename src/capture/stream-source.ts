import { Pace } from '../base/pace.ts';
import { ReplicationStream } from '../postgres/replication.ts';
import type { SlotOptions } from '../postgres/replication.ts';
import type { Feed, Source } from './source.ts';

/** Status to the walsender at least this often; half of the smallest sensible wal_sender_timeout. */
const STATUS_MS = 1000;
/** Under load the socket is left alone for so long after each batch: a read for each message costs more than the rest. */
const REST_MS = 40;
/**
 * While a large transaction comes the socket is left alone for so long after a read that did not bring much. Otherwise
 * there would be a read for every second message, six times as dear as all the rest.
 */
const SHORT_REST_MS = 3;
const SHORT_READ = 48 * 1024;

export interface StreamOptions extends SlotOptions {
  /** Transactions that committed before it are left out. */
  after: bigint;
}

/** A walsender as source: each commit is here at once, and large transactions while they run. */
export class StreamSource implements Source {
  readonly #feed: Feed;
  #stream: ReplicationStream | undefined;
  readonly #pace = new Pace(REST_MS);
  #flushing: NodeJS.Immediate | undefined;
  #resting: NodeJS.Timeout | undefined;
  readonly #status: NodeJS.Timeout;
  /** Why the socket is not read. */
  readonly #paused = new Set<'journal' | 'pace'>();
  /** Bytes that came since the last flush, and in this read. */
  #unflushed = 0;
  #read = 0;
  #leave: () => void = () => undefined;
  readonly #left = new Promise<void>((resolve) => (this.#leave = resolve));

  private constructor(feed: Feed) {
    this.#feed = feed;
    this.#status = setInterval(() => this.confirm(true), STATUS_MS);
  }

  static async open(options: StreamOptions, feed: Feed): Promise<StreamSource> {
    const source = new StreamSource(feed);
    try {
      source.#stream = await ReplicationStream.start(options, {
        data: (bytes, offset) => source.#onData(bytes, offset),
        keepalive: (walEnd, reply) => source.#onKeepalive(walEnd, reply),
        idle: () => source.#onIdle(),
      });
    } catch (error) {
      source.close();
      throw error;
    }
    return source;
  }

  async run(): Promise<void> {
    await Promise.race([this.#stream!.ended, this.#left]);
  }

  /** The other source goes on. */
  leave(): void {
    this.#leave();
  }

  #onData(bytes: Buffer, offset: number): void {
    this.#unflushed += bytes.length;
    this.#read += bytes.length;
    try {
      this.#feed.message(bytes, offset);
    } catch (error) {
      this.#feed.fail(error);
    }
  }

  #onKeepalive(walEnd: bigint, reply: boolean): void {
    this.#feed.came(walEnd);
    if (!this.#feed.busy) this.#feed.readTo(walEnd);
    if (reply) this.confirm(true);
  }

  get #holds(): number {
    return this.#stream?.holds ?? 0;
  }

  /** One read's messages are done. What is complete goes out after all reads of this turn of the event loop. */
  #onIdle(): void {
    const isShort = this.#read < SHORT_READ && SHORT_READ < this.#holds;
    if (this.#feed.large && isShort) this.#rest(SHORT_REST_MS);
    this.#read = 0;
    if (this.#feed.waiting > 0) this.#flushing ??= setImmediate(() => this.#flush());
    else if (this.#feed.settled) this.confirm(false);
  }

  #flush(): void {
    this.#flushing = undefined;
    const rest = this.#pace.rest(this.#feed.waiting);
    // A backlog that the walsender decodes: nothing is gained by waiting once the socket's buffers are full.
    const isBacklog = this.#unflushed > this.#holds;
    this.#unflushed = 0;
    this.#feed.flush();
    if (rest > 0 && !isBacklog) this.#rest(rest);
  }

  /** Lets the socket gather. */
  #rest(ms: number): void {
    this.#pause('pace');
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#resume('pace'), ms);
  }

  pause(): void {
    this.#pause('journal');
  }

  resume(): void {
    this.#resume('journal');
  }

  #pause(reason: 'journal' | 'pace'): void {
    if (this.#paused.size === 0) this.#stream?.pause();
    this.#paused.add(reason);
  }

  #resume(reason: 'journal' | 'pace'): void {
    if (this.#paused.delete(reason) && this.#paused.size === 0) this.#stream?.resume();
  }

  /** Tells the walsender where a restart may begin. */
  confirm(always: boolean): void {
    if (this.#stream === undefined) return;
    const { position, moved } = this.#feed.advance();
    if (!moved && !always) return;
    this.#stream.report({ written: position, flushed: position, applied: position });
  }

  close(): void {
    clearInterval(this.#status);
    clearImmediate(this.#flushing);
    clearTimeout(this.#resting);
    this.#stream?.close();
    this.#stream = undefined;
    this.#leave();
  }
}
