/** Makers of the entries in the tables of diagnostic codes. */

/** A problem that makes the model or the document unusable. */
export function error<P>(message: (parameters: P) => string): {
  severity: 'error';
  message: (parameters: P) => string;
} {
  return { severity: 'error', message };
}

/** Something that works but is probably not what its author wants. */
export function warning<P>(message: (parameters: P) => string): {
  severity: 'warning';
  message: (parameters: P) => string;
} {
  return { severity: 'warning', message };
}
