import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { silentLog } from '../base/log.ts';
import { encodeChunk } from '../journal/batch-encode.ts';
import type { Entry, Journal } from '../journal/journal.ts';
import { LmdbJournal } from '../journal/journal-lmdb.ts';
import { connect } from '../postgres/connect.ts';
import { eventually } from '../../test/support/pair.ts';
import { startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';
import { Speculator } from './speculator.ts';

let server: TestServer;
let dsn: string;
let sql: Client;
let journal: LmdbJournal;
const folder = mkdtempSync(join(tmpdir(), 'crp-speculator-'));

before(async () => {
  server = await startServer(18);
  dsn = await server.createDatabase('target');
  sql = await connect(dsn, 'test');
  journal = LmdbJournal.open({ path: folder, quotaBytes: 2 ** 24 });
});

after(async () => {
  await journal?.close();
  await sql?.end();
  await server?.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** The first chunk of a transaction, without changes. */
function first(xid: number): { origin: number; xid: number; number: number; bytes: Buffer } {
  return { origin: 1, xid, number: 0, bytes: encodeChunk([], Buffer.alloc(0)) };
}

/** Target transactions that are open. */
async function open(): Promise<number> {
  const { rowCount } = await sql.query(
    `SELECT FROM pg_stat_activity
     WHERE application_name LIKE 'syncline apply %_stream' AND state = 'idle in transaction'`,
  );
  return rowCount ?? 0;
}

/** Gives the chunks one by one, and tells how many target transactions are open after each. */
async function* give(xids: number[], seen: number[], signal: AbortSignal): AsyncGenerator<Entry> {
  for (const xid of xids) {
    yield { kind: 'chunk', chunk: first(xid) };
    seen.push(await open());
  }
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

test('a transaction that ended while its session was made ready is not kept open', async () => {
  await journal.appendChunk(first(8));
  const stop = new AbortController();
  const seen: number[] = [];
  // 7 was in progress when its chunk was given, and has ended since: the journal does not know it any more.
  const follow = (): AsyncIterable<Entry> => give([7, 8], seen, stop.signal);
  const late = new Proxy<Journal>(journal, {
    get: (target, name) => (name === 'follow' ? follow : Reflect.get(target, name).bind(target)),
  });
  const speculator = new Speculator({
    session: {
      ...{ dsn, originName: 'crp_test_1', models: [] },
      ...{ origin: { number: 1, name: 'one' }, names: () => new Map([[1, 'one']]) },
    },
    ...{ journal: late, origin: 1, log: silentLog(), refused: new Set() },
    context: { caughtUp: () => Promise.resolve(), deletes: () => 0 },
  });
  const running = speculator.run(0n, stop.signal);
  await eventually('both were given', () => seen.length === 2);
  assert.deepEqual(seen, [0, 1]);
  stop.abort();
  await running;
  await eventually('nothing is left open', async () => (await open()) === 0);
});
