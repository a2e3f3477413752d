/** The table of the model compiler's diagnostics: code, severity and message of each. */
import type { Diagnostic, RelatedPlace, Severity } from '../../yang/diagnostics.ts';
import type { Span } from '../../yang/source.ts';
import { CONFLUENCE_CODES } from './diagnostic-codes-confluence.ts';
import { MAPPING_CODES } from './diagnostic-codes-mapping.ts';
import { STATEMENT_CODES } from './diagnostic-codes-statements.ts';

/** One kind of diagnostic. The code is stable: it is never given to another problem. */
export interface ModelDiagnosticKind<P> {
  code: `CRP${number}`;
  severity: Severity;
  message: (parameters: P) => string;
}

/** Everything that `src/model` can report. CRP1xx statements, CRP2xx mapping to SQL, CRP3xx merging. */
export const MODEL_CODES = { ...STATEMENT_CODES, ...MAPPING_CODES, ...CONFLUENCE_CODES };

export type ModelCode = keyof typeof MODEL_CODES;

export type ModelParameters<N extends ModelCode> = Parameters<
  (typeof MODEL_CODES)[N]['message']
>[0];

/** What may be said beyond the message. */
export interface ModelHelp {
  expected?: string | undefined;
  hint?: string | undefined;
  related?: RelatedPlace[] | undefined;
}

/** Collects the compiler's diagnostics; the same one at the same place is kept once. */
export class ModelReporter {
  readonly diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();

  report<N extends ModelCode>(
    name: N,
    span: Span,
    parameters: ModelParameters<N>,
    help: ModelHelp = {},
  ): void {
    const kind = MODEL_CODES[name] as ModelDiagnosticKind<ModelParameters<N>>;
    const message = kind.message(parameters);
    const { file, line, column } = span.start;
    const key = `${file}:${line}:${column}:${kind.code}:${message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const diagnostic: Diagnostic = { code: kind.code, severity: kind.severity, span, message };
    if (help.expected !== undefined) diagnostic.expected = help.expected;
    if (help.hint !== undefined) diagnostic.hint = help.hint;
    if (help.related !== undefined && help.related.length > 0) diagnostic.related = help.related;
    this.diagnostics.push(diagnostic);
  }

  get hasErrors(): boolean {
    return this.diagnostics.some((diagnostic) => diagnostic.severity === 'error');
  }
}
