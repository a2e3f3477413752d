import { describeError } from '../base/errors.ts';
import { until } from '../base/until.ts';
import { isTransient } from '../postgres/connect.ts';
import type { SlotOptions } from '../postgres/replication.ts';
import { SlotCalls } from '../postgres/slot-calls.ts';
import { Batcher } from './batcher.ts';
import { CallSource } from './call-source.ts';
import type { CaptureListener, CaptureOptions } from './capture-options.ts';
import { Confirmation, savedVector } from './confirmation.ts';
import { JournalSink } from './journal-sink.ts';
import { LoadGauge } from './load-gauge.ts';
import { OwnNotes } from './own-notes.ts';
import { lastCaptured, pluginOptions, readSettings } from './setup.ts';
import type { Feed, Source } from './source.ts';
import { StreamSource } from './stream-source.ts';

/** How often is looked how much WAL the server writes, ms. */
const LOOK_MS = 400;
/** So much WAL was written while the agent was down, in bytes, that calls read it first. */
const BEHIND = 8n * 1024n * 1024n;
/** After calls failed the walsender stays for so long, ms. */
const FAILED_MS = 300_000;

/** Capture while its connections live: by a walsender, and under load by calls. */
export class CaptureSession implements Feed {
  readonly #options: CaptureOptions;
  readonly #tell: CaptureListener;
  #source: Source | undefined;
  #calls: SlotCalls | undefined;
  #batcher: Batcher | undefined;
  #slot: SlotOptions | undefined;
  readonly #sink: JournalSink;
  /** All that committed before it was read. */
  #readTo = 0n;
  /** All that committed before it came, though not all of it may be in the journal. */
  #cameTo = 0n;
  /** Until then the walsender stays. */
  #holdUntil = -Infinity;
  readonly #confirmation: Confirmation;
  #fail: (error: unknown) => void = () => undefined;
  readonly #failed = new Promise<never>((_, reject) => (this.#fail = reject));
  /** A message could not be taken: those after it, which are read already, would be taken without it. */
  #broken = false;

  constructor(options: CaptureOptions, tell: CaptureListener) {
    this.#options = options;
    this.#tell = tell;
    this.#failed.catch(() => undefined);
    this.#confirmation = new Confirmation({
      ...{ journal: options.journal, site: options.site.number },
      knowledge: () => this.#batcher!.knowledge(),
      saved: () => this.#source?.confirm(true),
      failed: this.#fail,
    });
    this.#sink = new JournalSink({
      ...{ journal: options.journal, site: options.site.number },
      made: (position) => {
        this.#confirmation.made(position);
        tell.progress(position);
      },
      pause: () => this.#source?.pause(),
      resume: () => this.#source?.resume(),
      settled: () => this.#source?.confirm(false),
      failed: this.#fail,
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    let stop: () => void = () => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    signal.addEventListener('abort', stop, { once: true });
    try {
      const isBehind = await this.#open();
      // The signal may have come while we waited for a connection.
      if (isBehind && !signal.aborted) await this.#readByCalls(stopped);
      while (!signal.aborted) {
        await this.#readByStream(stopped);
        if (!signal.aborted) await this.#readByCalls(stopped);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#calls?.close();
      this.#batcher?.abandon();
      await this.#options.journal.flush().catch(() => undefined);
    }
  }

  /** @returns whether so much was written meanwhile that calls should read it */
  async #open(): Promise<boolean> {
    const { site, dsn, slot, journal, names } = this.#options;
    const { types, memoryKb } = await readSettings(dsn, names);
    this.#slot = {
      dsn,
      slot,
      plugin: pluginOptions(this.#options),
      application: 'syncline capture',
      memoryKb,
    };
    this.#batcher = new Batcher(
      {
        ...{ origin: site.number, incarnation: site.incarnation },
        after: journal.position(site.number),
        expected: await lastCaptured(this.#options),
        knowledge: savedVector(journal),
        ...{ types, unshipped: this.#options.unshipped },
        ...(names === undefined ? {} : { names }),
        notes: new OwnNotes(this.#options),
        passedOver: (table, by) => this.#tell.passedOver(table, by),
      },
      this.#sink,
    );
    this.#calls = await SlotCalls.connect(this.#slot);
    const { written, confirmed, synchronous } = await this.#calls.look();
    return !synchronous && written - confirmed > BEHIND;
  }

  /**
   * Where another source goes on. The first begins where the slot is, whatever the journal has: this site's knowledge of
   * the others is that of the slot's place.
   */
  get #after(): bigint {
    const { seen } = this.#batcher!;
    return seen > this.#readTo ? seen : this.#readTo;
  }

  /** Reads by a walsender until it is stopped or calls should go on. */
  async #readByStream(stopped: Promise<void>): Promise<void> {
    const source = await StreamSource.open({ ...this.#slot!, after: this.#after }, this);
    const watch = new AbortController();
    const { signal } = watch;
    const gauge = new LoadGauge(false);
    until({ deadline: Infinity, everyMs: LOOK_MS, signal }, () => this.#isForCalls(gauge)).then(
      () => source.leave(),
      (error: unknown) => signal.aborted || this.#fail(error),
    );
    try {
      this.#tell.reads('walsender');
      await this.#readFrom(source, stopped);
    } finally {
      watch.abort();
    }
  }

  /** Whether much WAL is written and nothing needs the walsender. A transaction that it is sending now comes again. */
  async #isForCalls(gauge: LoadGauge): Promise<boolean> {
    const at = performance.now();
    const { written, synchronous } = await this.#calls!.look();
    const now = performance.now();
    if (written > 0n) this.looked(written, at);
    return gauge.look(written, now) && !synchronous && now >= this.#holdUntil && !this.large;
  }

  /** Reads by calls until it is stopped or a walsender should go on. What a call cannot do a walsender can. */
  async #readByCalls(stopped: Promise<void>): Promise<void> {
    const calls = this.#calls!;
    try {
      const source = await CallSource.open({ calls, after: this.#after }, this);
      this.#tell.reads('calls');
      await this.#readFrom(source, stopped);
      this.#holdUntil = performance.now() + source.uselessMs;
      await calls.end();
    } catch (error) {
      if (isTransient(error)) throw error;
      this.#options.log.info({ error: describeError(error) }, 'capture goes on with a walsender');
      this.#holdUntil = performance.now() + FAILED_MS;
      await calls.end().catch(() => undefined);
    }
  }

  async #readFrom(source: Source, stopped: Promise<void>): Promise<void> {
    const { journal, site } = this.#options;
    // Only now: where all but the last connection can be had, a new try is no progress, and its pause grows.
    this.#tell.progress(journal.position(site.number));
    this.#source = source;
    if (this.#sink.paused) source.pause();
    try {
      await Promise.race([source.run(), this.#failed, stopped]);
    } finally {
      source.close();
      this.#source = undefined;
      this.#batcher!.abandon();
      this.flush();
    }
  }

  message(bytes: Buffer, start: number): void {
    if (this.#broken) return;
    try {
      this.#batcher!.message(bytes, start);
    } catch (error) {
      this.fail(error);
    }
  }

  flush(): void {
    try {
      this.#batcher!.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  get waiting(): number {
    return this.#batcher!.waiting;
  }

  get busy(): boolean {
    return this.#batcher!.busy;
  }

  get large(): boolean {
    return this.#batcher!.large;
  }

  readTo(position: bigint): void {
    if (this.#broken) return;
    try {
      this.#batcher!.readTo(position);
    } catch (error) {
      return this.fail(error);
    }
    if (position > this.#readTo) this.#readTo = position;
    this.came(position);
  }

  came(position: bigint): void {
    if (position > this.#cameTo && !this.#broken) this.#cameTo = position;
  }

  looked(position: bigint, at: number): void {
    const { journal, site } = this.#options;
    const durable = journal.durable(site.number);
    const isStored = this.#sink.pending === 0 && this.waiting === 0 && this.#cameTo > durable;
    this.#tell.looked(position, at);
    this.#tell.stored(isStored ? this.#cameTo : durable);
  }

  get settled(): boolean {
    return this.#sink.pending === 0 && !this.busy && this.waiting === 0;
  }

  advance(): { position: bigint; moved: boolean } {
    return this.#confirmation.advance(this.settled ? this.#readTo : undefined);
  }

  fail(error: unknown): void {
    this.#broken = true;
    this.#fail(error);
  }
}
