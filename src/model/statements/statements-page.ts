/** The reference of `common-replication`, made from the module's own descriptions and the compiler's tables. */
import type { Module } from '../../yang/schema-modules.ts';
import type { Statement } from '../../yang/statement.ts';
import { findSubstatements, substatementArgument } from '../../yang/statement.ts';
import { CRP_STATEMENTS } from './crp-statements.ts';
import { HONOURED, METHODS } from './engine.ts';

/** Markdown: every statement and every resolution method, and what of it this version has. */
export function statementsPage(module: Module): string {
  const statements = findSubstatements(module.statement, 'extension').flatMap((extension) => {
    const { title, text } = statementText(extension);
    return [`### ${title}`, ...text];
  });
  const methods = findSubstatements(module.statement, 'identity')
    .filter((identity) => identity.argument !== 'resolution')
    .map((identity) => {
      const name = identity.argument ?? '';
      const text = paragraphs(substatementArgument(identity, 'description') ?? '').join(' ');
      const later = METHODS[name]?.available === true ? '' : ' *Not in this version.*';
      return `- **crp:${name}**: ${text}${later}`;
    });
  return `${[
    '# Statements of common-replication',
    `Generated from module ${module.name}, revision ${module.revision}. How they are used is in ` +
      '[model-language.md](model-language.md).',
    '## Statements',
    ...statements,
    '## Resolution methods',
    methods.join('\n'),
  ].join('\n\n')}\n`;
}

/** What is said about a statement: `crp:entity "name"`, then paragraphs in Markdown. */
export function statementText(extension: Statement): { title: string; text: string[] } {
  const name = extension.argument ?? '';
  const argument = substatementArgument(extension, 'argument');
  const title = argument === undefined ? `crp:${name}` : `crp:${name} "${argument}"`;
  const text = paragraphs(substatementArgument(extension, 'description') ?? '');
  return { title, text: [...text, ...availability(name)] };
}

/** Paragraphs of a description; lists of arguments keep their lines. */
export function paragraphs(description: string): string[] {
  return description.split(/\n\s*\n/).map((part) => {
    const lines = part.split('\n').map((line) => line.trim());
    return lines.reduce((text, line) => {
      const item = /^'[^']+'(?:\s{2,}|\s*\()/.test(line);
      if (text === '') return line;
      return item ? `${text}\n- ${line.replace(/\s{2,}/, ' ')}` : `${text} ${line}`;
    }, '');
  });
}

function availability(name: string): string[] {
  const honoured = Object.hasOwn(HONOURED, name) ? HONOURED[name] : undefined;
  if (honoured === undefined || !(name in CRP_STATEMENTS)) return [];
  if (honoured.length === 0) return ['*Not in this version.*'];
  return [`*In this version: ${honoured.map((one) => `\`${one}\``).join(', ')}.*`];
}
