/** The compiler's diagnostics as the protocol's (LSP 3.17, "Diagnostic"). */
import { DiagnosticSeverity } from 'vscode-languageserver/node';
import type { Diagnostic as LspDiagnostic } from 'vscode-languageserver/node';
import { diagnosticAnchor } from '../model/diagnostics/diagnostics-page.ts';
import type { Diagnostic } from '../yang/diagnostics.ts';
import { toPosition, toRange } from './lines.ts';

export interface ConvertOptions {
  uriOf: (file: string) => string;
  /** URI of the page of diagnostics. */
  page: string;
  /** The client follows links from a code (`codeDescriptionSupport`). */
  links: boolean;
  /** The client shows other places (`relatedInformation`). */
  related: boolean;
}

/** The diagnostic with all that helps; what a client cannot show is said in the message. */
export function toLspDiagnostic(diagnostic: Diagnostic, options: ConvertOptions): LspDiagnostic {
  const { code, severity, span, message, expected, hint, related = [] } = diagnostic;
  const anchor = diagnosticAnchor(code);
  const lines = [
    message,
    ...(expected === undefined ? [] : [`expected: ${expected}`]),
    ...(hint === undefined ? [] : [hint]),
  ];
  const places = related.map(({ message: text, position }) => ({
    message: text,
    location: {
      uri: options.uriOf(position.file),
      range: { start: toPosition(position), end: toPosition(position) },
    },
  }));
  return {
    range: toRange(span),
    severity: severity === 'error' ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code,
    source: 'syncline',
    message: lines.join('\n'),
    ...(anchor === undefined || !options.links
      ? {}
      : { codeDescription: { href: `${options.page}#${anchor}` } }),
    ...(places.length === 0 || !options.related ? {} : { relatedInformation: places }),
  };
}

/** Said of a document that is not looked at. */
export function tooLarge(limit: number): LspDiagnostic {
  const start = { line: 0, character: 0 };
  return {
    range: { start, end: start },
    severity: DiagnosticSeverity.Information,
    source: 'syncline',
    message: `A document of more than ${limit} characters is not checked while it is edited.`,
  };
}
