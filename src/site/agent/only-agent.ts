import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { until } from '../../base/until.ts';
import { connectShared } from '../../postgres/connect.ts';
import type { ConnectOptions } from '../../postgres/connect.ts';

/**
 * Key of the advisory lock that a site's agent holds in the site's database ("slnc"; PostgreSQL manual, 13.3.5). The
 * control socket keeps a second agent out of the same folder; this one keeps out the agent of a copy of the folder,
 * wherever it runs.
 */
const KEY = '1936485987, 1';

/** The session of an agent that was killed ends within this time; longer only if its machine is gone, ms. */
const WAIT_MS = 5_000;
const LOOK_MS = 100;

/** For the agent's session: the server notices in half a minute that the agent's machine is gone, and frees the lock. */
const LOCK_SESSION: ConnectOptions = {
  settings: { tcp_keepalives_idle: 10, tcp_keepalives_interval: 5, tcp_keepalives_count: 4 },
};

/**
 * Opens a session that several callers share, and that makes its owner the only agent that works with the database for as
 * long as it lives.
 *
 * @param application shown in `pg_stat_activity`
 * @throws AppError AGENT_ELSEWHERE, or what `connect` throws
 */
export async function connectAlone(dsn: string, application: string): Promise<Client> {
  const client = await connectShared(dsn, application, LOCK_SESSION);
  try {
    await beOnlyAgent(client);
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}

async function beOnlyAgent(client: Client): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  const taken = await until({ deadline, everyMs: LOOK_MS }, async () => {
    const { rows } = await client.query<{ taken: boolean }>(
      `SELECT pg_try_advisory_lock(${KEY}) AS taken`,
    );
    return rows[0]!.taken;
  });
  if (!taken) throw elsewhere(await readHolder(client));
}

/** Who has the lock, as far as it can be seen. */
async function readHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ holder: string | null }>(
    // Every role may take it; of sessions of other roles no more than this can be seen.
    `SELECT CASE WHEN usename <> current_user
       THEN format('or process %s of role %s has its advisory lock', pid, usename)
       ELSE 'from ' || coalesce(host(client_addr), 'the server''s own machine') ||
         ' since ' || to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' END AS holder
     FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (${KEY}, 2)
       AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return rows[0]?.holder ?? 'for some time';
}

function elsewhere(holder: string): AppError {
  return new AppError('AGENT_ELSEWHERE', `Another agent works with this database, ${holder}`, {
    hint:
      'A site has one agent: is there a copy of its folder, perhaps on another machine? Stop one of them for good. If ' +
      'the other machine is gone, its session ends within half a minute',
    retry: 'later',
  });
}
