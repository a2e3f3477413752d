/**
 * program_limit_exceeded: an index of the target has no room for a value, or the table none for the row.
 * string_data_right_truncation, numeric_value_out_of_range: the column has none, since it is narrower here, or a sum of
 * what several sites added went beyond its type.
 */
const NO_ROOM: ReadonlySet<unknown> = new Set(['54000', '22001', '22003']);

/** SQLSTATE class 23 (PostgreSQL manual, Appendix A): a constraint of the target forbids the row, or it has no room for it. */
export function isIntegrityViolation(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (code.startsWith('23') || NO_ROOM.has(code));
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
