import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { embeddedBinaries, installedBinaries } from '../../src/postgres/binaries.ts';
import { Cluster } from '../../src/postgres/cluster.ts';
import { withConnection } from '../../src/postgres/connect.ts';
import { ROOT } from './root.ts';

const DEBIAN_15 = '/usr/lib/postgresql/15/bin';

/** A PostgreSQL server for one test file. */
export interface TestServer {
  cluster: Cluster;
  dsn(database: string): string;
  createDatabase(name: string): Promise<string>;
  remove(): Promise<void>;
}

/** True if Debian's PostgreSQL 15 is on this machine. */
export function hasDebian15(): boolean {
  return existsSync(join(DEBIAN_15, 'postgres'));
}

/** A port that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

const CLUSTER_SOURCE = join(ROOT, 'src/postgres/cluster.ts');

/** `initdb` takes seconds, a copy of what it made some tenths: it runs once for a build of the server and of ours. */
async function initialize(cluster: Cluster): Promise<void> {
  const { data, binaries } = cluster.options;
  const program = join(binaries.bin, 'initdb');
  const key = createHash('sha256')
    .update(`${program} ${statSync(program).mtimeMs} ${binaries.runAs?.uid}\0`)
    .update(readFileSync(CLUSTER_SOURCE));
  const kept = join(ROOT, 'node_modules/.cache/syncline', key.digest('hex').slice(0, 16));
  if (existsSync(kept)) return copyFolder(kept, data);
  await cluster.init('secret');
  const part = `${kept}.${process.pid}`;
  mkdirSync(dirname(part), { recursive: true });
  copyFolder(data, part);
  try {
    renameSync(part, kept);
  } catch {
    // Another test file was first.
    rmSync(part, { recursive: true, force: true });
  }
}

/** With owners and rights, which PostgreSQL insists on. */
function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

/** Starts PostgreSQL 18 (embedded) or 15 (Debian) with logical decoding. */
export async function startServer(
  version: 18 | 15,
  extra: Record<string, string> = {},
): Promise<TestServer> {
  const binaries = version === 18 ? embeddedBinaries() : installedBinaries(DEBIAN_15);
  const folder = mkdtempSync(join(tmpdir(), 'crp-test-'));
  if (binaries.runAs !== undefined) chownSync(folder, binaries.runAs.uid, binaries.runAs.gid);
  chmodSync(folder, 0o700);
  const port = await freePort();
  const settings = {
    ...{ fsync: 'off', logical_decoding_work_mem: '1MB', shared_buffers: '64MB' },
    // Replication origins keep their place after their database is done with; in 15 there are as many as slots.
    ...(version === 18
      ? { max_replication_slots: '40', max_active_replication_origins: '300' }
      : { max_replication_slots: '300' }),
    max_wal_senders: '20',
    ...extra,
  };
  const cluster = new Cluster({
    ...{ binaries, data: join(folder, 'data'), port, superuser: 'postgres', settings },
  });
  await initialize(cluster);
  await cluster.start();
  const dsn = (database: string): string =>
    `postgresql://postgres:secret@127.0.0.1:${port}/${database}`;
  return {
    cluster,
    dsn,
    async createDatabase(name) {
      await withConnection(dsn('postgres'), 'test', (client) =>
        client.query(`CREATE DATABASE "${name}"`),
      );
      return dsn(name);
    },
    async remove() {
      await cluster.stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
