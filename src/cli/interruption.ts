import { AppError } from '../base/errors.ts';

/**
 * Runs a command that makes something in several steps. The first SIGINT or SIGTERM aborts the signal, so that what was
 * made is taken back; a second one ends the program at once.
 *
 * @param outcome what is said then
 * @throws AppError INTERRUPTED, or what `work` throws by itself
 */
export async function interruptible<T>(
  outcome: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, abort } = controller();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, abort);
  try {
    return await work(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new AppError('INTERRUPTED', outcome, { cause: error });
  }
}

function controller(): { signal: AbortSignal; abort: () => void } {
  const made = new AbortController();
  const abort = (): void => {
    console.error('syncline: stopping, what was made is removed');
    made.abort();
  };
  return { signal: made.signal, abort };
}

/**
 * Says what has become of a command that SIGINT or SIGTERM ends, for one whose work is whole or not at all by itself: the
 * server takes back what was not committed.
 *
 * @param outcome a sentence
 */
export function sayWhenInterrupted(outcome: string): void {
  for (const [name, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(name, () => {
      console.error(`syncline: ${outcome} [INTERRUPTED]`);
      // As a shell has it of a program that a signal ended.
      process.exit(128 + number);
    });
  }
}
