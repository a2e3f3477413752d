import { withConnection } from '../../src/postgres/connect.ts';
import { parseLsn } from '../../src/postgres/lsn.ts';
import { ReplicationStream } from '../../src/postgres/replication.ts';
import { BULK } from './lease-model.ts';
import { capture, debianProgram, runLoad } from './load.ts';
import type { Server, Servers } from './servers.ts';
import type { Sizes } from './settings.ts';
import type { Results } from './rows.ts';

const DATABASE = 'run_limit';
const PLUGIN = [
  ['proto_version', '2'],
  ['publication_names', 'crp'],
  ['binary', 'true'],
  ['messages', 'true'],
  ['streaming', 'on'],
  ['origin', 'none'],
] as const;

/**
 * What no replication by logical decoding can beat on this machine: decoding alone (to nowhere), and the
 * set-based write alone, of the same changes.
 */
export async function measureLimits(
  servers: Servers,
  sizes: Sizes,
  measures: readonly string[],
): Promise<Results> {
  const results: Results = new Map();
  const backlog = measures.includes('outage') || measures.includes('restart');
  for (const server of [servers.a, servers.b]) await server.copy('template_syncline', DATABASE);
  try {
    if (backlog) {
      results.set('limit-decode', await decodeBacklog(servers, sizes));
      results.set('limit-write', await writeAlone(servers.b, sizes.backlog));
    }
    if (measures.includes('bulk')) {
      results.set('limit-bulk-commit', await bulkAlone(servers.a));
      results.set('limit-bulk-write', await writeAlone(servers.b, sizes.rows));
    }
  } finally {
    for (const server of [servers.a, servers.b]) await server.drop(DATABASE);
  }
  return results;
}

async function decodeBacklog(servers: Servers, sizes: Sizes): Promise<number> {
  const { a: server, folder } = servers;
  const { rows, clients, backlog: transactions } = sizes;
  await server.run(
    DATABASE,
    `SELECT pg_create_logical_replication_slot('bench_limit', 'pgoutput')`,
  );
  try {
    await runLoad({ server, database: DATABASE, rows, transactions, clients, folder });
    const end = await currentLsn(server);
    const start = performance.now();
    await decode(server, end);
    return (performance.now() - start) / 1000;
  } finally {
    await server.run(DATABASE, `SELECT pg_drop_replication_slot('bench_limit')`);
  }
}

async function currentLsn(server: Server): Promise<string> {
  return withConnection(server.dsn(DATABASE), 'bench', async (client) => {
    // Something after the last transaction, so that the stream reaches its position.
    await client.query(`SELECT pg_logical_emit_message(false, 'bench', 'end', true)`);
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_lsn() AS lsn');
    return rows[0]!.lsn;
  });
}

async function decode(server: Server, end: string): Promise<void> {
  const program = debianProgram('pg_recvlogical');
  if (program === undefined) return decodeInNode(server, parseLsn(end));
  const { port, user, password } = server.libpq();
  const args = [
    ...['-h', '127.0.0.1', '-p', String(port), '-U', user, '-d', DATABASE, '-S', 'bench_limit'],
    ...['--start', '--no-loop', '-f', '/dev/null', '-E', end],
    ...PLUGIN.flatMap(([name, value]) => ['-o', `${name}=${value}`]),
  ];
  await capture(program, args, { PGPASSWORD: password });
}

async function decodeInNode(server: Server, end: bigint): Promise<void> {
  let reached: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (reached = resolve));
  const stream = await ReplicationStream.start(
    {
      ...{ dsn: server.dsn(DATABASE), slot: 'bench_limit', plugin: PLUGIN, after: 0n },
      ...{ application: 'bench limit', memoryKb: 65_536 },
    },
    {
      data: (bytes) => bytes.readBigUInt64BE(1) >= end && reached(),
      keepalive: (walEnd) => walEnd >= end && reached(),
      idle: () => undefined,
    },
  );
  await Promise.race([done, stream.ended]);
  stream.close();
}

/** The bulk transaction with nobody replicating it. */
async function bulkAlone(server: Server): Promise<number> {
  const start = performance.now();
  await server.run(DATABASE, BULK);
  return (performance.now() - start) / 1000;
}

/** One UPDATE … FROM a staging table, guarded by stamps, that changes so many distinct rows. */
async function writeAlone(server: Server, changes: number): Promise<number> {
  return withConnection(server.dsn(DATABASE), 'bench', async (client) => {
    await client.query('SET session_replication_role = replica');
    await client.query('DROP TABLE IF EXISTS s');
    await client.query(
      `CREATE TEMPORARY TABLE s AS SELECT address, hwaddr, client_id, now() AS expire,
         'limit-' || address AS hostname, 1 AS state, _crp_birth, _crp_binding, _crp_name
       FROM leases.lease ORDER BY hashint8(address) LIMIT $1`,
      [changes],
    );
    const start = performance.now();
    await client.query(
      `UPDATE leases.lease AS e SET hwaddr = s.hwaddr, client_id = s.client_id, expire = s.expire,
         hostname = s.hostname, state = s.state, _crp_binding = s._crp_binding, _crp_name = s._crp_name
       FROM s WHERE e.address = s.address AND e._crp_birth = s._crp_birth
         AND e._crp_binding = s._crp_binding AND e._crp_name = s._crp_name`,
    );
    return (performance.now() - start) / 1000;
  });
}
