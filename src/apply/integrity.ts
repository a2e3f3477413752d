/** SQLSTATE class 23 (PostgreSQL manual, Appendix A): a constraint of the target forbids the row. */
export function isIntegrityViolation(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && code.startsWith('23');
}
