import type { Client } from 'pg';
import { connect } from '../../src/postgres/connect.ts';
import { eventually } from './pair.ts';

/** Tables of a service that knows nothing of replication, with what real ones bring. */
export const BANK = `
  CREATE TYPE mood AS ENUM ('fine', 'bad');
  CREATE DOMAIN short AS varchar(40) CHECK (value <> '');
  CREATE TYPE place AS (street text, house integer);
  CREATE TABLE account (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    holder short NOT NULL, balance bigint NOT NULL DEFAULT 0, writes integer NOT NULL DEFAULT 0,
    doubled bigint GENERATED ALWAYS AS (balance * 2) STORED,
    seat integer, UNIQUE (seat) DEFERRABLE INITIALLY IMMEDIATE);
  CREATE TABLE journal (
    id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), debit integer, credit integer,
    amount bigint, client inet, mac macaddr, tags text[], doc jsonb, blob bytea, feeling mood, home place);
  CREATE TABLE journal_count (n bigint NOT NULL);
  INSERT INTO journal_count VALUES (0);
  CREATE FUNCTION count_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN UPDATE public.journal_count SET n = n + 1; RETURN NULL; END';
  CREATE TRIGGER count_it AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION count_journal();
  CREATE TABLE audit (n bigint NOT NULL);
  INSERT INTO audit VALUES (0);
  CREATE FUNCTION audit_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
    'BEGIN UPDATE public.audit SET n = n + 1; RETURN NULL; END';
  CREATE TRIGGER audit_it AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION audit_journal();`;

/** Rows that are there before anything is adopted. */
export const BANK_ROWS = `
  INSERT INTO account (holder, balance, seat) SELECT 'holder ' || g, 1000, g FROM generate_series(1, 50) AS g;
  INSERT INTO journal (amount, doc, blob, tags, feeling, home, client, mac)
    SELECT 0, jsonb_build_object('old', g), decode(md5(g::text), 'hex'), ARRAY['a', g::text], 'fine',
      ROW('road', g)::place, '192.0.2.1', '00:00:5e:00:53:01' FROM generate_series(1, 3000) AS g`;

/**
 * What pgbench's TPC-B does, with these tables: each transaction moves money between two accounts and notes
 * it. Counts what was acknowledged, and the longest time that a transaction took.
 */
export class Traffic {
  /** Ids of the acknowledged journal rows. */
  readonly entries = new Set<number>();
  readonly errors: string[] = [];
  longestMs = 0;
  #moved = 0;
  readonly #running: Promise<void>[] = [];
  readonly #dsn: string;
  #stop = false;

  constructor(dsn: string) {
    this.#dsn = dsn;
  }

  start(clients: number): void {
    for (let n = 0; n < clients; n++) this.#running.push(this.#client(n));
  }

  async stop(): Promise<void> {
    this.#stop = true;
    await Promise.all(this.#running);
  }

  /** Waits until so many more transactions were acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.#moved + count;
    await eventually(`${count} more transactions`, () => this.#moved >= goal);
  }

  async #client(number: number): Promise<void> {
    const client = await connect(this.#dsn, `traffic ${number}`);
    try {
      while (!this.#stop) await this.#move(client);
    } finally {
      await client.end();
    }
  }

  async #move(client: Client): Promise<void> {
    const began = Date.now();
    const [debit, credit] = [
      1 + Math.floor(Math.random() * 50),
      1 + Math.floor(Math.random() * 50),
    ];
    // In the order of their ids, or two clients would wait for each other.
    const moves = [
      [debit, -1],
      [credit, 1],
    ].sort((one, other) => one[0]! - other[0]!);
    try {
      await client.query('BEGIN');
      for (const [id, amount] of moves) {
        await client.query(
          'UPDATE account SET balance = balance + $2, writes = writes + 1 WHERE id = $1',
          [id, amount],
        );
      }
      const { rows } = await client.query<{ id: string }>(
        'INSERT INTO journal (debit, credit, amount) VALUES ($1, $2, 1) RETURNING id',
        [debit, credit],
      );
      await client.query('COMMIT');
      this.entries.add(Number(rows[0]!.id));
      this.#moved += 1;
    } catch (error) {
      // Programs that lock several rows have to expect it of any other session, and try again: the apply of
      // another site's changes is one.
      const isDeadlock = (error as { code?: unknown }).code === '40P01';
      if (!isDeadlock) this.errors.push((error as Error).message);
      await client.query('ROLLBACK');
    }
    this.longestMs = Math.max(this.longestMs, Date.now() - began);
  }
}
