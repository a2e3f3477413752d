/**
 * Errors of the world (as opposed to our own bugs, which are assertions). One type for all of them, so
 * that every message says what is wrong, where, and what to do.
 */

/** What a caller may do with a failed operation. */
export type Retry = 'now' | 'later' | 'never';

export interface ErrorDetails {
  /** One sentence that says what to do, with the command where there is one. */
  hint?: string;
  /** Default `never`. */
  retry?: Retry;
  cause?: unknown;
}

/** An error as a status shows it, with the time when it was seen (ISO 8601). */
export interface ErrorNote {
  at: string;
  message: string;
}

/** An error with a stable code, a hint and a retry decision. */
export class AppError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly retry: Retry;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'AppError';
    this.code = code;
    this.hint = details.hint;
    this.retry = details.retry ?? 'never';
  }
}

/** The text shown to a person: message, hint and code, without a stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof AppError)) return error.message + serverContext(error);
  const hint = error.hint === undefined ? '' : `\n  hint: ${error.hint}`;
  return `${error.message} [${error.code}]${hint}`;
}

/**
 * In which function of a database an error was raised, by itself or by a statement in it: that of an event trigger, or a
 * right that the function of a table's trigger lacks, says nothing of where it came from.
 */
const RAISED_IN =
  /^(?:SQL statement "[^]*?"\n)?((?:PL\/pgSQL|SQL) function (?!inline_code_block).+)/;

/** What PostgreSQL says besides. Its detail is left out: it can have values, also secret ones. */
function serverContext(error: object): string {
  const { severity, hint, where } = error as {
    severity?: unknown;
    hint?: unknown;
    where?: unknown;
  };
  if (typeof severity !== 'string') return '';
  const raised = typeof where === 'string' ? RAISED_IN.exec(where)?.[1] : undefined;
  return (
    (raised === undefined ? '' : ` (${raised})`) +
    (typeof hint === 'string' ? `\n  hint: ${hint}` : '')
  );
}

/** Narrows `unknown` from a catch clause to an Error, wrapping what is not one. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
