import { setTimeout as delay } from 'node:timers/promises';

/**
 * Looks again and again, at once first, until a condition holds.
 *
 * @param wait `deadline` by `performance.now()`, which no change of the clock moves; `everyMs` between two looks
 * @returns false when it does not hold in time
 * @throws AbortError when the signal comes meanwhile; what `holds` throws
 */
export async function until(
  wait: { deadline: number; everyMs: number; signal?: AbortSignal },
  holds: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const { deadline, everyMs, signal } = wait;
  while (!(await holds())) {
    if (performance.now() > deadline) return false;
    await delay(everyMs, undefined, { signal });
  }
  return true;
}
