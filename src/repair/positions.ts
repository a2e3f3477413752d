import type { Client } from 'pg';
import { AppError } from '../base/errors.ts';
import { until } from '../base/until.ts';
import type { Journal } from '../journal/journal.ts';
import { withConnection } from '../postgres/connect.ts';
import { CAPTURED, WAL_END } from '../sql/checks/verify.ts';
import type { Positions } from './protocol.ts';

/** Between two looks at the database. */
const POLL_MS = 20;
/** Longest wait for capture; a journal that is full or a slot that is lost shows in the status. */
const CAPTURE_LIMIT_MS = 30_000;
/** Longest wait of one request; the peer then asks again. */
const REACH_LIMIT_MS = 4_000;

export interface PositionSource {
  dsn: string;
  slot: string;
  site: { number: number };
  journal: Pick<Journal, 'position'>;
}

/**
 * Up to where this site has what each origin did: everything that a snapshot taken before the call shows
 * is at or below these positions. Waits until capture has brought the site's own part to the journal.
 *
 * @throws AppError VERIFY_CAPTURE when it does not
 */
export async function readPositions(
  source: PositionSource,
  signal: AbortSignal,
): Promise<Positions> {
  return withConnection(source.dsn, 'syncline verify', async (client) => {
    const end = await client.query<{ position: string }>(WAL_END);
    // Read after the end of the WAL and before the wait: more would only be waited for in vain.
    const applied = await readApplied(client);
    const deadline = performance.now() + CAPTURE_LIMIT_MS;
    const reached = await until({ deadline, everyMs: POLL_MS, signal }, async () => {
      const values = [source.slot, end.rows[0]!.position];
      const { rows } = await client.query<{ captured: boolean }>(CAPTURED, values);
      return rows[0]?.captured === true;
    });
    if (!reached) throw captureBehind();
    const own: Positions[number] = [
      source.site.number,
      source.journal.position(source.site.number).toString(),
    ];
    return [own, ...applied];
  });
}

/** True once this site has applied all of it; false after a few seconds. */
export async function reachPositions(
  source: PositionSource,
  positions: Positions,
  signal: AbortSignal,
): Promise<boolean> {
  const wanted = positions.filter(([origin]) => origin !== source.site.number);
  return withConnection(source.dsn, 'syncline verify', (client) => {
    const deadline = performance.now() + REACH_LIMIT_MS;
    return until({ deadline, everyMs: POLL_MS, signal }, async () => {
      const applied = new Map(await readApplied(client));
      return wanted.every(
        ([origin, position]) => BigInt(applied.get(origin) ?? 0) >= BigInt(position),
      );
    });
  });
}

async function readApplied(client: Client): Promise<Positions> {
  const { rows } = await client.query<{ origin: number; position: string }>(
    'SELECT origin, position FROM crp.progress',
  );
  return rows.map(({ origin, position }) => [origin, position]);
}

function captureBehind(): AppError {
  return new AppError('VERIFY_CAPTURE', 'Capture does not get to the end of the WAL', {
    hint: 'See syncline status of that site: is its capture running, or its journal full?',
    retry: 'later',
  });
}
