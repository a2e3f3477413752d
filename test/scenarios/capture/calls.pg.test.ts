import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { escapeLiteral } from 'pg';
import type { Client } from 'pg';
import { silentLog } from '../../../src/base/log.ts';
import { Capture } from '../../../src/capture/capture.ts';
import { ensureSlot } from '../../../src/capture/setup.ts';
import { CHANGE, decodeBatch, decodeChunk } from '../../../src/journal/batch.ts';
import { LmdbJournal } from '../../../src/journal/journal-lmdb.ts';
import { connect, withConnection } from '../../../src/postgres/connect.ts';
import { eventually } from '../../support/pair.ts';
import { hasDebian15, startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const SLOT = 'crp_test_calls';

/** What a capture is made of. */
interface Made {
  server: TestServer;
  name: string;
  version: number;
  /** Of the connection string. */
  search?: string;
}

/** A capture of a database with one table, and the journal that it writes to. */
class Captured {
  readonly dsn: string;
  readonly sql: Client;
  readonly #version: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'crp-calls-'));
  readonly journal = LmdbJournal.open({ path: this.#folder, quotaBytes: 2 ** 30 });
  /** What read the WAL, in order. */
  readonly readers: string[] = [];
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #capture: Capture | undefined;
  #watch: NodeJS.Timeout | undefined;
  readonly #ids: number[] = [];
  readonly #following = new AbortController();
  readonly #followed: Promise<void>;

  private constructor(dsn: string, sql: Client, version: number) {
    this.#followed = this.#follow();
    this.dsn = dsn;
    this.sql = sql;
    this.#version = version;
  }

  /** Runs `work` with a new one, which is taken down also when it fails. */
  static async with(at: Made, work: (site: Captured) => Promise<void>): Promise<void> {
    const site = await Captured.#make(at);
    try {
      await work(site);
    } finally {
      await site.#remove();
    }
  }

  static async #make({ server, name, version, search = '' }: Made): Promise<Captured> {
    const dsn = (await server.createDatabase(name)) + search;
    const sql = await connect(dsn, 'test');
    await sql.query(`CREATE TABLE t (id bigint PRIMARY KEY, filling text);
      ALTER TABLE t REPLICA IDENTITY FULL; CREATE PUBLICATION crp FOR TABLE t`);
    await ensureSlot(dsn, `${SLOT}_${name}`);
    return new Captured(dsn, sql, version);
  }

  get slot(): string {
    return `${SLOT}_${new URL(this.dsn).pathname.slice(1)}`;
  }

  up(): void {
    this.#stop = new AbortController();
    const capture = new Capture({
      ...{ site: { number: 1, incarnation: 1 }, dsn: this.dsn, slot: this.slot },
      ...{ publication: 'crp', serverMajor: this.#version, journal: this.journal },
      ...{ log: silentLog(), unshipped: new Map() },
    });
    this.#capture = capture;
    this.#running = capture.run(this.#stop.signal);
    this.#watch = setInterval(() => {
      const { by } = capture.status();
      if (by !== undefined && by !== this.readers.at(-1)) this.readers.push(by);
    }, 5);
  }

  /** The last error that capture recovered from. */
  interruption(): string | undefined {
    return this.#capture?.status().lastError?.message;
  }

  async down(): Promise<void> {
    clearInterval(this.#watch);
    this.#stop.abort();
    await this.#running;
  }

  /** Transactions of one row each, with the ids from `first` on, committed by a session of their own. */
  async write(first: number, count: number): Promise<void> {
    await withConnection(this.dsn, 'test writer', async (client) => {
      await client.query('SET synchronous_commit = local');
      await client.query(`DO $$ BEGIN FOR i IN ${first}..${first + count - 1} LOOP
        INSERT INTO t VALUES (i, repeat('x', 300)); COMMIT; END LOOP; END $$`);
    });
  }

  /** Collects the ids of all inserts, in the journal's order. */
  async #follow(): Promise<void> {
    const { signal } = this.#following;
    for await (const entry of this.journal.follow(1, 0n, { signal, streams: false })) {
      if (entry.kind !== 'batch') continue;
      const { bytes, offset, stream } = decodeBatch(entry.batch.bytes);
      if (stream === undefined) this.#ids.push(...idsOf(bytes, offset, 0));
      else {
        const { chunks, xid } = stream;
        const all = (): boolean => [...this.journal.chunks(1, xid, chunks - 1)].length === 1;
        await eventually('the last chunk is stored', all);
        for (const chunk of this.journal.chunks(1, xid, 0)) {
          this.#ids.push(...idsOf(chunk.bytes, decodeChunk(chunk.bytes).offset, 4));
        }
      }
    }
  }

  /** Waits until so many inserts are in the journal; their ids. */
  async captured(count: number): Promise<number[]> {
    await eventually(`${count} inserts are captured`, () => this.#ids.length >= count);
    return [...this.#ids];
  }

  async slots(): Promise<string[]> {
    const { rows } = await this.sql.query<{ slot_name: string }>(
      `SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`,
    );
    return rows.map((row) => row.slot_name);
  }

  async #remove(): Promise<void> {
    await this.down();
    this.#following.abort();
    await this.#followed;
    await this.journal.close();
    await this.sql.query('SELECT pg_drop_replication_slot($1)', [this.slot]).catch(() => undefined);
    await this.sql.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The first column, a bigint, of every insert from `at` on. */
function idsOf(bytes: Buffer, from: number, before: number): number[] {
  const ids: number[] = [];
  for (let at = from; at < bytes.length;) {
    const start = at + before;
    // Kind and length of the change, number of the relation, number of columns, kind and length of the value.
    if (bytes[start] === CHANGE.insert) ids.push(Number(bytes.readBigInt64BE(start + 14)));
    at = start + 5 + bytes.readUInt32BE(start + 1);
  }
  return ids;
}

const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

function sorted(ids: number[]): number[] {
  return ids.toSorted((one, other) => one - other);
}

for (const version of [18, 15] as const) {
  const skip = version === 15 && !hasDebian15() ? 'needs the package postgresql-15' : false;
  describe(`capture by calls, PostgreSQL ${version}`, { skip }, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer(version);
    });
    after(async () => server?.remove());

    test('what was written while the agent was down is read by calls, once and in order', async () => {
      await Captured.with({ server, name: 'backlog', version }, async (site) => {
        await site.write(1, 40_000);
        site.up();
        assert.deepEqual(await site.captured(40_000), range(1, 40_000));
        assert.equal(site.readers[0], 'calls');
        await eventually('a walsender goes on', () => site.readers.at(-1) === 'walsender');
        await site.write(40_001, 10);
        assert.deepEqual((await site.captured(40_010)).slice(-10), range(40_001, 10));
        await eventually(
          'the temporary slot is gone',
          async () => (await site.slots()).length === 1,
        );
      });
    });

    test('under load calls take over, and nothing is lost or comes twice when sessions are ended', async () => {
      await Captured.with({ server, name: 'load', version }, async (site) => {
        site.up();
        await eventually('capture reads', () => site.readers.length > 0);
        const writing = Promise.all([0, 1, 2].map((n) => site.write(1 + n * 100_000, 60_000)));
        for (const round of [1, 2, 3]) {
          await eventually('calls took over', () => site.readers.at(-1) === 'calls');
          await site.sql.query(
            `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'syncline capture'
             AND datname = current_database()`,
          );
          await site.write(1_000_000 + round * 1000, 1000);
        }
        await writing;
        assert.match(site.interruption() ?? '', /terminat|not queryable/);
        const expected = [0, 1, 2].flatMap((n) => range(1 + n * 100_000, 60_000));
        const { rows } = await site.sql.query<{ id: string }>(
          'SELECT id FROM t WHERE id >= 1000000',
        );
        expected.push(...sorted(rows.map((row) => Number(row.id))));
        assert.deepEqual(sorted(await site.captured(expected.length)), expected);
        await eventually('a walsender goes on', () => site.readers.at(-1) === 'walsender');
      });
    });

    test('a large transaction in the middle of load is read by a walsender', async () => {
      await Captured.with({ server, name: 'large', version }, async (site) => {
        site.up();
        await eventually('capture reads', () => site.readers.length > 0);
        const writing = site.write(1, 100_000);
        await eventually('calls took over', () => site.readers.at(-1) === 'calls');
        // Open until a call has come upon it: a call that finds it whole may read it.
        const insert = (first: number, last: number): Promise<unknown> =>
          site.sql.query(
            `INSERT INTO t SELECT g, repeat('y', 100) FROM generate_series(${first}, ${last}) AS g`,
          );
        await site.sql.query('BEGIN');
        await insert(1_000_001, 1_050_000);
        await eventually('a walsender goes on', () => site.readers.at(-1) === 'walsender');
        await insert(1_050_001, 1_100_000);
        await site.sql.query('COMMIT');
        await writing;
        const ids = await site.captured(200_000);
        assert.deepEqual(sorted(ids), [...range(1, 100_000), ...range(1_000_001, 100_000)]);
        assert.ok(site.readers.length >= 3, site.readers.join(' '));
      });
    });

    test('while calls read, the place where they would begin again moves on', async () => {
      await Captured.with({ server, name: 'beginning', version }, async (site) => {
        site.up();
        const writing = site.write(1, 60_000);
        await eventually('calls took over', () => site.readers.at(-1) === 'calls');
        // The server by itself would do it once in 15 s, which is longer than the load.
        const places = new Set<string>();
        await eventually('three places', async () => {
          const { rows } = await site.sql.query<{ at: string }>(
            `SELECT restart_lsn::text AS at FROM pg_replication_slots
               WHERE temporary AND slot_name LIKE $1 || '_%'`,
            [site.slot],
          );
          for (const { at } of rows) places.add(at);
          return places.size >= 3;
        });
        await writing;
        assert.deepEqual(await site.captured(60_000), range(1, 60_000));
      });
    });

    test('where commits may wait for a standby, a walsender reads everything', async () => {
      await Captured.with({ server, name: 'standby', version }, async (site) => {
        const set = (value: string): Promise<unknown> =>
          site.sql
            .query(`ALTER SYSTEM SET synchronous_standby_names = '${value}'`)
            .then(() => site.sql.query('SELECT pg_reload_conf()'));
        await set('other');
        try {
          await site.write(1, 40_000);
          site.up();
          assert.deepEqual(await site.captured(40_000), range(1, 40_000));
          assert.deepEqual(site.readers, ['walsender']);
        } finally {
          await set('');
        }
      });
    });

    // Slots are kept on standbys from PostgreSQL 17 on.
    const kept = version >= 17 ? test : () => undefined;
    void kept('where the slot is kept on a standby, a walsender reads everything', async () => {
      await Captured.with({ server, name: 'failover', version }, async (site) => {
        const walsender = await connect(site.dsn, 'test', { replication: 'database' });
        await walsender.query(`ALTER_REPLICATION_SLOT ${site.slot} (FAILOVER true)`);
        await walsender.end();
        await site.write(1, 40_000);
        site.up();
        assert.deepEqual(await site.captured(40_000), range(1, 40_000));
        assert.deepEqual(site.readers, ['walsender']);
      });
    });

    test('where commits begin to wait for our walsender while calls read, it is there at once', async () => {
      await Captured.with({ server, name: 'begins', version }, async (site) => {
        const set = (value: string): Promise<unknown> =>
          site.sql
            .query(`ALTER SYSTEM SET synchronous_standby_names = ${escapeLiteral(value)}`)
            .then(() => site.sql.query('SELECT pg_reload_conf()'));
        site.up();
        let stop = false;
        const load = async (): Promise<number> => {
          let written = 0;
          for (; !stop; written += 5000) await site.write(written + 1, 5000);
          return written;
        };
        const writing = load();
        try {
          await eventually('calls took over', () => site.readers.at(-1) === 'calls');
          await set('"syncline capture"');
          // While the load lasts: after it a walsender would come anyway.
          await eventually('a walsender', () => site.readers.at(-1) === 'walsender');
          stop = true;
          const written = await writing;
          assert.deepEqual(await site.captured(written), range(1, written));
          assert.equal(site.readers.at(-1), 'walsender');
        } finally {
          stop = true;
          await set('');
        }
      });
    });
  });
}

test('where all slots are in use a walsender reads everything, over a Unix-domain socket too', async () => {
  const settings = { max_replication_slots: '1', unix_socket_directories: tmpdir() };
  const server = await startServer(18, settings);
  try {
    await Captured.with(
      { server, name: 'full', version: 18, search: `?host=${tmpdir()}` },
      async (site) => {
        await site.write(1, 40_000);
        site.up();
        assert.deepEqual(await site.captured(40_000), range(1, 40_000));
        assert.deepEqual(site.readers, ['walsender']);
      },
    );
  } finally {
    await server.remove();
  }
});
