import { isDatabaseUri } from '../../postgres/database-url.ts';
import { isMapping } from './yaml.ts';

/*
 * Values of options as YAML gives them, checked. Each function throws an Error that names the option by its path.
 */

/** A text that must be there. @param path of the option `name` in `raw` */
export function text(raw: Readonly<Record<string, unknown>>, path: string, name = path): string {
  const value = raw[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(value === undefined ? `${path} is missing` : `${path} must be a text`);
}

/** A scalar as text; YAML makes numbers of what looks like one. */
export function optional(value: unknown, path: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isScalar = typeof value === 'string' || typeof value === 'number';
  if (isScalar && value !== '') return String(value);
  throw new Error(`${path} must be a text`);
}

/** A whole number from `low` to `high`, both included. */
export function integer(value: unknown, path: string, low: number, high: number): number {
  if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) {
    return value as number;
  }
  const said = value === undefined ? 'is missing; it is' : 'must be';
  const not = value === undefined ? '' : `, not ${JSON.stringify(value)}`;
  throw new Error(`${path} ${said} a whole number ${low}..${high}${not}`);
}

/** The URI of a database. The text is not in the error: it may have a password. */
export function databaseUrl(value: string, path: string): string;
export function databaseUrl(value: unknown, path: string): string | undefined;
export function databaseUrl(value: unknown, path: string): string | undefined {
  const url = optional(value, path);
  if (url === undefined || isDatabaseUri(url)) return url;
  throw new Error(`${path} must be a URI, postgresql://USER:PASSWORD@HOST:PORT/DATABASE`);
}

/** The URL of `notify.webhook`; undefined where there is none. */
export function webhook(value: unknown): string | undefined {
  const url = optional(value, 'notify.webhook');
  if (url === undefined) return undefined;
  if (/^https?:\/\/[^/]/.test(url) && URL.canParse(url)) {
    const { username, password } = new URL(url);
    if (username === '' && password === '') return url;
    // What sends it refuses it too, with the password in its error.
    throw new Error('notify.webhook cannot have a user or a password in it');
  }
  throw new Error(`notify.webhook must be an http or https URL, not "${url}"`);
}

/** Programs with their arguments, by entity: the option `after-apply`. */
export function commands(value: unknown): Record<string, string[]> {
  const shape =
    'after-apply must be a mapping of entities to lists of texts: [program, argument, …]';
  if (!isMapping(value)) throw new Error(shape);
  const found = Object.entries(value).map(([entity, argv]: [string, unknown]) => {
    if (!Array.isArray(argv) || argv.length === 0) throw new Error(shape);
    const [program, ...rest] = argv as unknown[];
    const first = text({ program }, `after-apply.${entity}`, 'program');
    // An argument may be an empty text; a program cannot be.
    const others = rest.map((one) =>
      one === '' ? '' : (optional(one, `after-apply.${entity}`) ?? ''),
    );
    return [entity, [first, ...others]] as [string, string[]];
  });
  return Object.fromEntries(found);
}
