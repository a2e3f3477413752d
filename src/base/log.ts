import { pino } from 'pino';
import type { Logger, LoggerOptions } from 'pino';

/** The logger that every component is given; never a global. */
export type Log = Logger;

/**
 * Makes the process's logger: JSON lines (pino's format) to a file or standard error.
 *
 * @param destination path of the log file; standard error when absent
 */
export function createLog(level: string, destination?: string): Log {
  const options: LoggerOptions = {
    ...{ level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    formatters: { level: (label) => ({ level: label }) },
  };
  return pino(options, pino.destination({ dest: destination ?? 2, sync: true, mkdir: true }));
}

/** A logger that drops everything; for tests and for commands that print their own output. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
