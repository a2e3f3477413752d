/** What a source of messages needs of the capture that it belongs to. */
export interface Feed {
  /** One message of pgoutput. `bytes` may be reused after the call. */
  message(bytes: Buffer, start: number): void;
  /** Hands over what is complete. */
  flush(): void;
  /** Complete transactions that were not handed over. */
  readonly waiting: number;
  /** A transaction that is so large that it is sent while it runs is in progress. */
  readonly large: boolean;
  /** A transaction is in progress here: the source must not change now. */
  readonly busy: boolean;
  /** All that committed before the position was read. */
  readTo(position: bigint): void;
  /** All that committed before the position came, though a transaction may be in progress here. */
  came(position: bigint): void;
  /** The WAL ended at the position when it was looked at; `at` is when that began, by `performance.now()`. */
  looked(position: bigint, at: number): void;
  /** Nothing at all is under way between here and the journal. */
  readonly settled: boolean;
  /** Up to where the slot may be confirmed, and whether that is another position than before. */
  advance(): { position: bigint; moved: boolean };
  /** Why the source could not go on. */
  fail(error: unknown): void;
}

/** Where messages come from. */
export interface Source {
  /**
   * Reads until it is closed, or until the other source should go on.
   *
   * @throws when the connection is lost
   */
  run(): Promise<void>;
  /** Stops reading, for as long as the journal is behind. */
  pause(): void;
  resume(): void;
  /** What waits in the journal may be on disk now. */
  confirm(always: boolean): void;
  close(): void;
}
