/** The table of this folder's diagnostics: what each says, and how bad it is. */
import type { Diagnostic, RelatedPlace, Severity } from './diagnostics.ts';
import type { Span } from './source.ts';
import { INSTANCE_CODES } from './diagnostic-codes-instance.ts';
import { LANGUAGE_CODES } from './diagnostic-codes-language.ts';
import { SCHEMA_CODES } from './diagnostic-codes-schema.ts';

/** One kind of diagnostic: its severity and the message made from typed parameters. */
export interface DiagnosticKind<P> {
  severity: Severity;
  message: (parameters: P) => string;
}

/** Every code that `src/yang` can report, with the parameters of its message. */
export const DIAGNOSTIC_CODES = { ...LANGUAGE_CODES, ...SCHEMA_CODES, ...INSTANCE_CODES };

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;

export type DiagnosticParameters<C extends DiagnosticCode> = Parameters<
  (typeof DIAGNOSTIC_CODES)[C]['message']
>[0];

/** What may be said beyond the message. */
export interface DiagnosticHelp {
  expected?: string | undefined;
  hint?: string | undefined;
  related?: RelatedPlace[] | undefined;
}

/** A diagnostic of a code of the table; undefined parts of `help` are left out. */
export function createDiagnostic<C extends DiagnosticCode>(
  code: C,
  span: Span,
  parameters: DiagnosticParameters<C>,
  help: DiagnosticHelp = {},
): Diagnostic {
  const kind = DIAGNOSTIC_CODES[code] as DiagnosticKind<DiagnosticParameters<C>>;
  const diagnostic: Diagnostic = {
    code,
    severity: kind.severity,
    span,
    message: kind.message(parameters),
  };
  if (help.expected !== undefined) diagnostic.expected = help.expected;
  if (help.hint !== undefined) diagnostic.hint = help.hint;
  if (help.related !== undefined && help.related.length > 0) diagnostic.related = help.related;
  return diagnostic;
}
