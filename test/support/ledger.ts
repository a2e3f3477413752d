import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../../src/postgres/connect.ts';
import { eventually } from './pair.ts';

/** Where a ledger writes: a table with an integer key and a column `note`. */
export interface LedgerTable {
  name: string;
  key: string;
  /** What is written beside every row; it is in no ledger. */
  beside?: (client: Client, number: number) => Promise<void>;
}

/**
 * Writes rows of a table (`leases.lease` where none is named), one transaction each, until told to stop, across crashes of the server;
 * knows which were acknowledged. Every fourth write changes an earlier row instead.
 */
export class Ledger {
  /** Address and the note that it must have in the end. */
  readonly acknowledged = new Map<number, string>();
  readonly #first: number;
  readonly #table: LedgerTable;
  #next: number;
  #stop = false;

  constructor(first: number, table: LedgerTable = { name: 'leases.lease', key: 'address' }) {
    this.#first = first;
    this.#table = table;
    this.#next = first;
  }

  stop(): void {
    this.#stop = true;
  }

  /** @param pauseMs between two writes, where several sites share one small machine */
  async write(dsn: string, pauseMs = 0): Promise<void> {
    while (!this.#stop) {
      const client = await connect(dsn, 'ledger').catch(() => undefined);
      if (client === undefined) continue;
      try {
        while (!this.#stop) {
          await this.#writeOne(client);
          if (pauseMs > 0) await delay(pauseMs);
        }
      } catch {
        // The server crashed: whether this row is there is unknown, so it is not in the ledger.
      }
      await client.end().catch(() => undefined);
    }
  }

  async #writeOne(client: Client): Promise<void> {
    const number = this.#next++;
    const change = number % 4 === 3 && this.acknowledged.has(number - 2);
    const address = change ? number - 2 : number;
    const note = `note ${number}`;
    // Between the attempt and its acknowledgement the row may have either note.
    this.acknowledged.delete(address);
    const { name, key, beside } = this.#table;
    await client.query(
      `INSERT INTO ${name} (${key}, note) VALUES ($1, $2)
       ON CONFLICT (${key}) DO UPDATE SET note = excluded.note`,
      [address, note],
    );
    this.acknowledged.set(address, note);
    await beside?.(client, number);
  }

  /** Waits until so many more rows were acknowledged. */
  async more(rows: number): Promise<void> {
    const goal = this.#next + rows;
    await eventually(`${rows} more writes after ${this.#first}`, () => this.#next >= goal);
  }

  /** Addresses of acknowledged rows that a database lacks or has with another note. */
  async missing(client: Client): Promise<number[]> {
    const { rows } = await client.query<{ address: string; note: string }>(
      `SELECT ${this.#table.key} AS address, note FROM ${this.#table.name}`,
    );
    const found = new Map(rows.map((row) => [Number(row.address), row.note]));
    return [...this.acknowledged]
      .filter(([address, note]) => found.get(address) !== note)
      .map(([address]) => address);
  }
}
