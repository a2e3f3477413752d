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
