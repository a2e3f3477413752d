/** The page of all diagnostics of YANG, made from their tables. */
import type { DiagnosticKind } from './diagnostic-codes.ts';
import { INSTANCE_CODES } from './diagnostic-codes-instance.ts';
import { LANGUAGE_CODES } from './diagnostic-codes-language.ts';
import { SCHEMA_CODES } from './diagnostic-codes-schema.ts';

const AREAS: Readonly<Record<string, object>> = {
  'Text and statements': LANGUAGE_CODES,
  'Names, types, nodes and modules': SCHEMA_CODES,
  'Instance data': INSTANCE_CODES,
};

/** Markdown; parameters of messages are shown in angle brackets. */
export function yangDiagnosticsPage(): string {
  const parts = [
    '# Diagnostics of YANG',
    'Generated from `src/yang/diagnostic-codes*.ts`. What is said of modules (RFC 7950) and of data in JSON ' +
      '(RFC 7951); what the model compiler says besides is in [model-diagnostics.md](model-diagnostics.md). ' +
      'A code is never given to another problem.',
  ];
  for (const [title, codes] of Object.entries(AREAS)) {
    const kinds = Object.entries(codes) as [string, DiagnosticKind<unknown>][];
    const lines = kinds.map(([code, kind]) => `| ${code} | ${kind.severity} | ${text(kind)} |`);
    parts.push(`## ${title}`, ['| code | | message |', '| --- | --- | --- |', ...lines].join('\n'));
  }
  return `${parts.join('\n\n')}\n`;
}

function text({ message }: DiagnosticKind<unknown>): string {
  const parameters = new Proxy({}, { get: (_, name) => `<${String(name)}>` });
  return message(parameters).replaceAll(/[|<*]/g, '\\$&');
}
