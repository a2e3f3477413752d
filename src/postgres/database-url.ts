import { AppError } from '../base/errors.ts';

/**
 * Checks a connection string that a person gave: a URI (PostgreSQL manual, 32.1.1.2) that names user and database. A
 * site is made of one database and gives its roles URIs of their own, so nothing of it is left to defaults.
 *
 * @param what it was given as
 * @throws AppError DATABASE_URL; the text, which may have a password, is not in it
 */
export function checkDatabaseUrl(what: string, text: string): string {
  const wrong = problemOf(text);
  if (wrong === undefined) return text;
  throw new AppError('DATABASE_URL', `${what} ${wrong}`, {
    hint: 'Give a URI with user and database: postgresql://USER:PASSWORD@HOST:PORT/DATABASE',
  });
}

/** Whether a text is the URI of a database at all; what it leaves out has defaults. */
export function isDatabaseUri(text: string): boolean {
  return SCHEME.test(text) && URL.canParse(text);
}

const SCHEME = /^postgres(ql)?:\/\//;

function problemOf(text: string): string | undefined {
  if (!SCHEME.test(text)) return 'is not the URI of a PostgreSQL database';
  if (!URL.canParse(text)) {
    return 'is not a valid URI: special characters of user and password are written as %XX';
  }
  const url = new URL(text);
  if (url.username === '') return 'names no user';
  if (url.pathname.length < 2) return 'names no database';
  return undefined;
}
