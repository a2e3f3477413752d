import { AppError, asError } from '../base/errors.ts';
import type { ErrorDetails } from '../base/errors.ts';

/**
 * What is added waits so long for more: every group costs a sync of the disk, which the database next door has to wait
 * for too. Nobody is in a hurry: the changes are in their origin's database, and whoever does is asks for `flush`.
 */
const INTERVAL_MS = 500;
/** A group of this size does not wait. */
const LARGE = 4 * 1024 * 1024;
/** Most bytes of one group. */
const MAX_GROUP = 16 * 1024 * 1024;
/** Time between two attempts while the disk refuses. */
const RETRY_MS = 500;

/** Something to store under a key. */
export interface Put {
  key: Buffer;
  bytes: Buffer;
}

interface Waiting<P extends Put> {
  put: P;
  stored: () => void;
}

interface Barrier {
  resolve: () => void;
  reject: (error: AppError) => void;
}

/**
 * Writes what many callers add in few groups, one at a time and in order. Under load groups grow instead of becoming
 * more.
 *
 * A group that cannot be written (no space) is tried again until it can: what was added has been shown
 * to others, so nothing may overtake it. Meanwhile `failure` is set and callers should add no more.
 */
export class GroupCommit<P extends Put> {
  readonly #write: (group: readonly P[]) => Promise<void>;
  readonly #queue: Waiting<P>[] = [];
  #bytes = 0;
  #failure: AppError | undefined;
  #running: Promise<void> | undefined;
  #closed = false;
  #lastStart = 0;
  #hurry: (() => void) | undefined;
  /** Those who wait for what is in the queue, by its last member. */
  readonly #barriers = new Map<Waiting<P>, Barrier[]>();

  /** @param write stores a group durably, all of it or nothing */
  constructor(write: (group: readonly P[]) => Promise<void>) {
    this.#write = write;
  }

  /** Why the last attempt failed; undefined when writing works. */
  get failure(): AppError | undefined {
    return this.#failure;
  }

  /** Bytes that are not on disk yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Settles when it is on disk, or never if the journal is closed before. */
  add(put: P): Promise<void> {
    this.#bytes += put.bytes.length;
    const done = new Promise<void>((stored) => this.#queue.push({ put, stored }));
    if (this.#bytes >= LARGE) this.#hurry?.();
    this.#running ??= this.#run();
    return done;
  }

  /**
   * Settles when everything that was added before is on disk.
   *
   * @throws AppError JOURNAL_FULL when an attempt to write it fails; it will be tried again nevertheless
   */
  flush(): Promise<void> {
    const last = this.#queue.at(-1);
    if (last === undefined) return Promise.resolve();
    const barriers = this.#barriers.get(last) ?? [];
    this.#barriers.set(last, barriers);
    const done = new Promise<void>((resolve, reject) => barriers.push({ resolve, reject }));
    this.#hurry?.();
    return done;
  }

  /** Gives up what cannot be written; what can is on disk when it settles. */
  async close(): Promise<void> {
    if (this.#failure === undefined) await this.flush().catch(() => undefined);
    this.#closed = true;
    this.#hurry?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is added in this turn of the event loop belongs to the first group. And what is shown to others
    // goes out to them before the store takes the thread.
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastStart = performance.now();
    while (this.#queue.length > 0 && !this.#closed) {
      await this.#pace();
      const group = this.#nextGroup();
      this.#lastStart = performance.now();
      if (!(await this.#attempt(group))) continue;
      this.#queue.splice(0, group.length);
      for (const waiting of group) this.#stored(waiting);
    }
    this.#running = undefined;
  }

  #stored(waiting: Waiting<P>): void {
    this.#bytes -= waiting.put.bytes.length;
    waiting.stored();
    for (const barrier of this.#barriers.get(waiting) ?? []) barrier.resolve();
    this.#barriers.delete(waiting);
  }

  async #pace(): Promise<void> {
    const wait = this.#lastStart + INTERVAL_MS - performance.now();
    if (wait > 0 && this.#bytes < LARGE && this.#barriers.size === 0) await this.#sleep(wait);
  }

  #nextGroup(): Waiting<P>[] {
    let bytes = 0;
    const end = this.#queue.findIndex(({ put }) => (bytes += put.bytes.length) > MAX_GROUP);
    return this.#queue.slice(0, end < 0 ? this.#queue.length : Math.max(1, end));
  }

  async #attempt(group: readonly Waiting<P>[]): Promise<boolean> {
    try {
      await this.#write(group.map(({ put }) => put));
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#failure = error instanceof AppError ? error : journalFull(asError(error).message);
      for (const barrier of [...this.#barriers.values()].flat()) barrier.reject(this.#failure);
      this.#barriers.clear();
      await this.#sleep(RETRY_MS);
      return false;
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The error of a journal that cannot take more. Without a hint of its own it is the quota that is reached. */
export function journalFull(
  why: string,
  { hint, cause }: Omit<ErrorDetails, 'retry'> = {},
): AppError {
  return new AppError('JOURNAL_FULL', `The journal is full: ${why}`, {
    retry: 'later',
    hint: hint ?? 'Raise journal.quota in syncline.yaml, or bring the missing peer back',
    cause,
  });
}

/** Whether an error says that a journal takes nothing at present. */
export function isJournalFull(error: unknown): boolean {
  return error instanceof AppError && error.code === 'JOURNAL_FULL';
}
