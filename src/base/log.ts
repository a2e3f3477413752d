import { pino } from 'pino';
import type { Logger, LoggerOptions } from 'pino';

/** The logger that every component is given; never a global. */
export type Log = Logger;

/** Most that is kept of lines that cannot be written, in bytes; what comes then is dropped. */
const MAX_UNWRITTEN = 256 * 1024;

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
  const file = pino.destination({
    ...{ dest: destination ?? 2, sync: true, mkdir: true, maxLength: MAX_UNWRITTEN },
    // Of messages of the server it has what they say, keys among it.
    mode: 0o600,
  });
  // A full disk: the lines are written when there is room. Without a listener the error would end the process.
  file.on('error', () => undefined);
  return pino(options, file);
}

/** A logger that drops everything; for tests and for commands that print their own output. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
