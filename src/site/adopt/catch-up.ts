import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Agent } from '../agent/agent.ts';
import { readProgress } from '../database/catalog.ts';

/** Between two looks at how far it is. */
const POLL_MS = 100;
/** Longest time without any progress. */
const STALL_MS = 60_000;

/** Where a site has to be, by origin. */
export interface Goal {
  /** Nothing after these positions may be applied. */
  until: ReadonlyMap<number, bigint>;
  /** All up to these must be. */
  reached: ReadonlyMap<number, bigint>;
}

/**
 * Runs the site's agent until it has applied exactly what a goal says, so that the rows of another site that
 * has applied the same can be put beside its own. The agent pulls, captures and serves as it always does.
 *
 * @throws AppError CATCH_UP when it does not get there; those of the agent
 */
export async function catchUp(
  root: string,
  options: { client: Client; goal: Goal; log: Log },
): Promise<void> {
  const { client, goal, log } = options;
  if (isReached(await readProgress(client), goal)) return;
  const agent = await Agent.open(root, log, { until: goal.until });
  const stop = new AbortController();
  const running = agent.run(root, stop.signal);
  try {
    await Promise.race([running, untilReached(client, goal, stop.signal)]);
  } finally {
    stop.abort();
    await running;
  }
}

async function untilReached(client: Client, goal: Goal, signal: AbortSignal): Promise<void> {
  let sum = -1n;
  let end = Date.now() + STALL_MS;
  while (!signal.aborted) {
    const progress = await readProgress(client);
    if (isReached(progress, goal)) return;
    const now = [...progress.values()].reduce((total, position) => total + position, 0n);
    if (now !== sum) end = Date.now() + STALL_MS;
    sum = now;
    if (Date.now() > end) {
      const missing = [...goal.reached].filter(([origin, at]) => (progress.get(origin) ?? 0n) < at);
      const numbers = missing.map(([origin]) => origin).join(', ');
      throw new AppError(
        'CATCH_UP',
        `The changes of site ${numbers} do not come or cannot be applied`,
        {
          hint: 'Start the agent, look at syncline status, and try again when it is mended. Nothing was changed',
          retry: 'later',
        },
      );
    }
    await delay(POLL_MS);
  }
}

function isReached(progress: ReadonlyMap<number, bigint>, goal: Goal): boolean {
  return [...goal.reached].every(([origin, at]) => (progress.get(origin) ?? 0n) >= at);
}
