/**
 * PostgreSQL types of which two values can be equal and not the same: 1.0 and 1.00, 0 and -0, 24 hours and 1 day, and
 * with citext "a" and "A". The catalogue says it of an index's operator class by a function `equalimage` (PostgreSQL
 * manual, 65.1.3); here are those that a model can name, as `format_type()` prints them.
 */
const LOOSE =
  /^(numeric|real|double precision|interval.*|jsonb|numrange|nummultirange|(.*\.)?"?(citext|hstore)"?|.*\[\])$/;

/** What has an order of its own among them, for methods that keep the best value or add differences. */
const LOOSE_NUMBERS = /^(numeric|real|double precision)$/;

/** True if equal values of a type, arrays of it included, may differ. */
export function isLoose(type: string): boolean {
  return LOOSE.test(type);
}

/** True for numbers whose text is not the only one of their value; `numeric(p,s)` keeps s digits, and is none. */
export function isLooseNumber(type: string): boolean {
  return LOOSE_NUMBERS.test(type);
}

/** True for the extension's type, with its schema or without. */
export function isCitext(type: string): boolean {
  return /^(.*\.)?"?citext"?$/.test(type);
}

/**
 * True if a key of the one type may have become one of the other under replication: equal values are the same then, and
 * their binary form is the one that they had. Earlier builds took the loose types.
 */
export function isTightened(from: string, to: string): boolean {
  if (from === 'numeric') return to.startsWith('numeric(');
  return isCitext(from) && to === 'text';
}
