import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from './errors.ts';
import type { Log } from './log.ts';

/** Between two tries of a part that ended with an error which it could not cure itself. */
const RETRY_MS = 10_000;

export interface Supervised {
  run(signal: AbortSignal): Promise<void>;
  /** The error that the part waits with; undefined while it runs. */
  failure(): string | undefined;
}

/**
 * Keeps a part of the agent going. An error ends neither the agent nor the other parts: it is shown in
 * the status, and the part is tried again, since its cause (a missing table, a wrong grant) is mended in
 * the database and not here.
 */
export function supervise(options: {
  name: string;
  part: { run(signal: AbortSignal): Promise<void> };
  log: Log;
}): Supervised {
  const { name, part, log } = options;
  let failure: string | undefined;
  return {
    failure: () => failure,
    async run(signal) {
      while (!signal.aborted) {
        const began = setTimeout(() => (failure = undefined), RETRY_MS);
        try {
          await part.run(signal);
        } catch (error) {
          failure = describeError(error);
          log.error({ part: name, error: failure }, 'a part of the agent failed');
          clearTimeout(began);
          await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
        } finally {
          clearTimeout(began);
        }
      }
    },
  };
}
