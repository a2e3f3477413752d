/** The page of all diagnostics of the model compiler, made from their table. */
import type { ModelDiagnosticKind } from './diagnostic-codes.ts';
import { MODEL_CODES } from './diagnostic-codes.ts';

const AREAS: Readonly<Record<string, string>> = {
  CRP1: 'Statements of common-replication',
  CRP2: 'From YANG to tables',
  CRP3: 'What merging could break',
};

/** The anchor of the part of the page that has a code; undefined for codes of other tables. */
export function diagnosticAnchor(code: string): string | undefined {
  return AREAS[code.slice(0, 4)]?.toLowerCase().replaceAll(' ', '-');
}

/** Markdown; parameters of messages are shown in angle brackets. */
export function diagnosticsPage(): string {
  const parameters = new Proxy({}, { get: (_, name) => `<${String(name)}>` });
  const kinds = Object.entries(MODEL_CODES) as [string, ModelDiagnosticKind<unknown>][];
  const parts = [
    '# Diagnostics of the model compiler',
    'Generated from `src/model/diagnostics/diagnostic-codes*.ts`. A code is never given to another problem. ' +
      'Diagnostics of YANG itself have names instead of numbers.',
  ];
  for (const [area, title] of Object.entries(AREAS)) {
    const lines = kinds
      .filter(([, kind]) => kind.code.startsWith(area))
      .map(([name, { code, severity, message }]) => {
        const text = message(parameters).replaceAll('|', '\\|').replaceAll('<', '\\<');
        return `| ${code} | ${name} | ${severity} | ${text} |`;
      });
    parts.push(
      `## ${title}`,
      ['| code | name | | message |', '| --- | --- | --- | --- |', ...lines].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}
