/**
 * program_limit_exceeded: an index of the target has no room for a value, or the table none for the row.
 * raise_exception: a function of a CHECK, an index or a trigger that fires always says that it cannot be.
 */
const REFUSED: ReadonlySet<unknown> = new Set(['54000', 'P0001']);

/**
 * SQLSTATE classes 23 and 22 (PostgreSQL manual, Appendix A): a constraint of the target forbids the row, or what it
 * computes of the row (an index on an expression, a CHECK) cannot be computed, or a column has no room for the value, since
 * it is narrower here, or a sum of what several sites added went beyond its type.
 */
export function isIntegrityViolation(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (/^2[23]/.test(code) || REFUSED.has(code));
}

/** What PostgreSQL said of a row that the target forbids. */
export interface Violation {
  code: string;
  message: string;
}

/** @param error one of which `isIntegrityViolation` is true */
export function violationOf(error: unknown): Violation {
  const { code, message } = error as { code: string; message: string };
  return { code, message };
}

/** unique_violation, exclusion_violation: another row is in the way. */
export function isClash({ code }: Violation): boolean {
  return code === '23505' || code === '23P01';
}

/** The type of the conflict that a violation is recorded as. */
export function conflictType(violation: Violation): string {
  if (isClash(violation)) return 'uniqueness';
  return violation.code === '23514' ? 'check' : 'constraint';
}
