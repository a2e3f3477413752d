import { AppError } from '../../base/errors.ts';

/** What to do about the refusals of a database that an operator can meet, by SQLSTATE. */
const HINTS: [pattern: RegExp, code: string, message: string, hint: string][] = [
  [
    /^(42P01|3F000|42703)$/,
    'ZONE_SCHEMA',
    'The database has not the tables of the DNS model',
    'Install the model at this site: it makes the tables dns.zone and dns.rrset',
  ],
  [
    /^42501$/,
    'ZONE_RIGHTS',
    "The database's role may not do this",
    'Connect as the role for services; an import also needs TEMPORARY on the database',
  ],
  [
    /^23/,
    'ZONE_REFUSED',
    'The database refuses the zone',
    'Correct the record, or the constraint of the model; nothing was imported',
  ],
];

/** The error for the user of a failed statement; errors that already say what to do stay as they are. */
export function explainDatabaseError(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  const found = HINTS.find(([pattern]) => typeof code === 'string' && pattern.test(code));
  if (found === undefined) return error;
  const [, name, message, hint] = found;
  const more = typeof detail === 'string' ? ` (${detail})` : '';
  return new AppError(name, `${message}: ${error.message}${more}`, { hint, cause: error });
}
