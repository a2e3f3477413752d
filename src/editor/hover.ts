/** Hover over `common-replication` statements (LSP 3.17, `textDocument/hover`). */
import type { Hover } from 'vscode-languageserver';
import { crpStatement } from '../model/statements/crp-statements.ts';
import type { Statement } from '../yang/statement.ts';
import { argumentSpan, keywordSpan } from '../yang/statement.ts';
import { parseSource } from '../yang/syntax/parser.ts';
import { toRange } from './lines.ts';
import type { CrpReference } from './reference.ts';
import type { Place } from './statement-at.ts';
import { crpPrefixes, partAt, statementsAt } from './statement-at.ts';

/** What is said at a place of a file; undefined where another server may have something to say. */
export function hoverAt(text: string, place: Place, reference: CrpReference): Hover | undefined {
  const { root } = parseSource({ name: '', text });
  const statement = statementsAt(root, place).at(-1);
  if (statement?.prefix === undefined) return undefined;
  if (!crpPrefixes(root).includes(statement.prefix)) return undefined;
  if (crpStatement(statement.name) === undefined) return undefined;
  const part = partAt(statement, place);
  if (part === undefined) return undefined;
  const value =
    part === 'keyword' ? reference.statement(statement.name) : aboutArgument(statement, reference);
  if (value === undefined) return undefined;
  const span = part === 'keyword' ? keywordSpan(statement) : argumentSpan(statement);
  return { contents: { kind: 'markdown', value }, range: toRange(span) };
}

function aboutArgument(statement: Statement, reference: CrpReference): string | undefined {
  const kind = crpStatement(statement.name)?.argument.kind;
  const method = kind === 'method' ? statement.argument?.split(':').at(-1) : undefined;
  return (
    (method === undefined ? undefined : reference.method(method)) ??
    reference.argument(statement.name)
  );
}
