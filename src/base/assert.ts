/**
 * Stops the program on a broken assumption of our own (a bug), never on bad input.
 *
 * @param message computed only on failure
 */
export function assert(condition: unknown, message: () => string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message()}`);
}

/** The value, which our own logic guarantees to be present. */
export function must<T>(value: T | null | undefined, what: string): T {
  assert(value !== null && value !== undefined, () => `${what} is missing`);
  return value;
}
