import type { Diagnostic } from './diagnostics.ts';
import type { DiagnosticCode, DiagnosticHelp, DiagnosticParameters } from './diagnostic-codes.ts';
import { createDiagnostic } from './diagnostic-codes.ts';
import type { Span } from './source.ts';

/** Beyond this many errors the rest is left out: they are mostly consequences of the first ones. */
const MAX_ERRORS = 200;

/** Collects diagnostics; one that was already reported at the same place is not reported again. */
export class Reporter {
  readonly diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;

  report<C extends DiagnosticCode>(
    code: C,
    span: Span,
    parameters: DiagnosticParameters<C>,
    help?: DiagnosticHelp,
  ): void {
    this.add(createDiagnostic(code, span, parameters, help));
  }

  add(diagnostic: Diagnostic): void {
    const { start } = diagnostic.span;
    const key = `${start.file}:${start.line}:${start.column}:${diagnostic.code}:${diagnostic.message}`;
    if (this.#seen.has(key) || this.#errors > MAX_ERRORS) return;
    this.#seen.add(key);
    if (diagnostic.severity === 'error') this.#errors += 1;
    if (this.#errors <= MAX_ERRORS) this.diagnostics.push(diagnostic);
    else {
      const limit = { limit: MAX_ERRORS };
      this.diagnostics.push(createDiagnostic('too-many-errors', diagnostic.span, limit));
    }
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }
}
