import { readFileSync } from 'node:fs';
import type { Diagnostic } from '../../yang/diagnostics.ts';
import type { Position, Span } from '../../yang/source.ts';
import { formatPosition } from '../../yang/source.ts';

/** Longest source line that is shown. */
const MAX_LINE = 160;

/**
 * A diagnostic for a terminal: `file:line:column: error CRP108: message`, the source line with a caret below
 * the place, and what helps.
 */
export function diagnosticText(diagnostic: Diagnostic, sources = new SourceLines()): string {
  const { code, severity, span, message, expected, hint, related } = diagnostic;
  return [
    `${formatPosition(span.start)}: ${severity} ${code}: ${message}`,
    ...sources.excerpt(span),
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(hint === undefined ? [] : [`  hint: ${hint}`]),
    ...(related ?? []).map((place) => `  ${formatPosition(place.position)}: ${place.message}`),
  ].join('\n');
}

/** All diagnostics, with a last line that counts them; nothing when there are none. */
export function diagnosticsText(diagnostics: readonly Diagnostic[]): string {
  if (diagnostics.length === 0) return '';
  const sources = new SourceLines();
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  const texts = diagnostics.map((diagnostic) => diagnosticText(diagnostic, sources));
  const warnings = diagnostics.length - errors;
  return [...texts, `${count(errors, 'error')}, ${count(warnings, 'warning')}`].join('\n\n');
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Lines of source files, each file read once. */
export class SourceLines {
  readonly #files = new Map<string, string[]>();

  /** The line of a span's start and a line of carets; nothing when the file cannot be read. */
  excerpt({ start, end }: Span): string[] {
    const line = this.#line(start);
    if (line === undefined || line.length > MAX_LINE) return [];
    const last = end.line === start.line ? end.column : line.length + 1;
    // Tabs stay tabs, so that the caret stands below its character whatever their width.
    const indent = line.slice(0, start.column - 1).replaceAll(/[^\t]/g, ' ');
    const carets = '^'.repeat(Math.max(1, Math.min(last, line.length + 1) - start.column));
    return [`  ${line}`, `  ${indent}${carets}`];
  }

  #line({ file, line }: Position): string | undefined {
    let lines = this.#files.get(file);
    if (lines === undefined) {
      lines = readLines(file);
      this.#files.set(file, lines);
    }
    return lines[line - 1];
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}
