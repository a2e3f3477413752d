/** program_limit_exceeded: an index of the target has no room for a value, or the table none for the row. */
const LIMIT_EXCEEDED = '54000';

/** SQLSTATE class 23 (PostgreSQL manual, Appendix A): a constraint of the target forbids the row, or a limit does. */
export function isIntegrityViolation(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (code.startsWith('23') || code === LIMIT_EXCEEDED);
}

/** What a constraint said of a row that it forbids. */
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
