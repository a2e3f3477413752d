import type { Log } from '../base/log.ts';
import type { Journal } from '../journal/journal.ts';
import type { PassedOverBy } from './passed-over.ts';
import type { TableNames } from './table-names.ts';

export interface CaptureOptions {
  site: { number: number; incarnation: number };
  dsn: string;
  slot: string;
  publication: string;
  /** PostgreSQL's major version: the `origin` option exists from 16 on. */
  serverMajor: number;
  journal: Journal;
  log: Log;
  /** What the agent's notes in the WAL carry (src/postgres/known.ts); without it all are believed. */
  proof?: string;
  /** Columns that are not shipped, by `schema.table`. */
  unshipped: ReadonlyMap<string, ReadonlySet<string>>;
  /** Under which names tables are shipped; without it as the WAL calls them. */
  names?: TableNames;
}

/** What a capture is told of its session. */
export interface CaptureListener {
  /** Position of the last transaction that was captured; also when it began. */
  progress(position: bigint): void;
  /** What reads the WAL from now on. */
  reads(by: 'walsender' | 'calls'): void;
  /** The WAL ended at the position when it was looked at; `at` is when that began, by `performance.now()`. */
  looked(position: bigint, at: number): void;
  /** The journal has on disk what committed before the position. */
  stored(position: bigint): void;
  /** A change of the table cannot be shipped. */
  passedOver(table: string, by: PassedOverBy): void;
}
