/** What of the language completion offers: what the compiler would not refuse as not available. */
import type { CrpStatement } from '../model/statements/crp-statements.ts';
import { CLASH_OF_KEYS, CLASH_OF_UNIQUES, HONOURED, METHODS } from '../model/statements/engine.ts';

/** Whether this version honours a statement at all. */
export function isAvailable(name: string): boolean {
  return !Object.hasOwn(HONOURED, name) || HONOURED[name]!.length > 0;
}

/**
 * The values of an enumerated argument that this version honours; empty for other arguments.
 *
 * @param place keyword of the statement around it
 */
export function availableValues(name: string, known: CrpStatement, place: string): string[] {
  if (known.argument.kind !== 'choice') return [];
  const honoured = (value: string): boolean => {
    if (name === 'on-unique-clash') {
      return (place === 'unique' ? CLASH_OF_UNIQUES : CLASH_OF_KEYS).includes(value);
    }
    return !Object.hasOwn(HONOURED, name) || HONOURED[name]!.includes(value);
  };
  return known.argument.values.filter(honoured);
}

/** Names of the resolution methods of this version. */
export function availableMethods(): string[] {
  return Object.keys(METHODS).filter((name) => METHODS[name]!.available);
}
