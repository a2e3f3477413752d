/** Makers of the entries in the tables of the model compiler's diagnostic codes. */

interface Kind<S extends 'error' | 'warning', P> {
  code: `CRP${number}`;
  severity: S;
  message: (parameters: P) => string;
}

/** A problem for which no model is made. */
export function error<P>(number: number, message: (parameters: P) => string): Kind<'error', P> {
  return { code: `CRP${number}`, severity: 'error', message };
}

/** Something that works but is probably not what the author wants. */
export function warning<P>(number: number, message: (parameters: P) => string): Kind<'warning', P> {
  return { code: `CRP${number}`, severity: 'warning', message };
}
