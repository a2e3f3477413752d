import type { Position, Span } from './source.ts';
import { formatPosition } from './source.ts';

export type Severity = 'error' | 'warning';

/** Something wrong in a model or in instance data, said so that its author can put it right. */
export interface Diagnostic {
  /** Stable name from a table of codes; this folder's is `diagnostic-codes.ts`. */
  code: string;
  severity: Severity;
  span: Span;
  message: string;
  /** What would have been right here: `"true" or "false"`. */
  expected?: string;
  /** One sentence that says what to do. */
  hint?: string;
  /** Another place that matters, for example the first of two definitions. */
  related?: RelatedPlace[];
}

export interface RelatedPlace {
  message: string;
  position: Position;
}

/** A diagnostic as text for a terminal: place, severity, message, and below it what helps. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { code, severity, span, message, expected, hint, related } = diagnostic;
  const lines = [`${formatPosition(span.start)}: ${severity}: ${message} [${code}]`];
  if (expected !== undefined) lines.push(`  expected: ${expected}`);
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  for (const place of related ?? []) {
    lines.push(`  ${formatPosition(place.position)}: ${place.message}`);
  }
  return lines.join('\n');
}

/** By file, line and column; errors of one place keep the order in which they were found. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((one, other) => comparePositions(one.span.start, other.span.start));
}

function comparePositions(one: Position, other: Position): number {
  if (one.file !== other.file) return one.file < other.file ? -1 : 1;
  return one.line - other.line || one.column - other.column;
}
