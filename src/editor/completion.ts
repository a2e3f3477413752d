/**
 * Completion of `common-replication` statements (LSP 3.17, `textDocument/completion`): keywords where they
 * may stand, their arguments, and the prefixes that belong to them. Nothing else, so that a general YANG
 * server beside this one is not repeated.
 */
import { CompletionItemKind, InsertTextFormat } from 'vscode-languageserver/node';
import type { CompletionItem } from 'vscode-languageserver/node';
import type { CrpStatement } from '../model/statements/crp-statements.ts';
import { CRP_MODULE, CRP_STATEMENTS } from '../model/statements/crp-statements.ts';
import { parseSource } from '../yang/syntax/parser.ts';
import { argumentItems } from './completion-arguments.ts';
import { availableValues, isAvailable } from './available.ts';
import type { CompletionOptions, Request } from './completion-request.ts';
import { replaceTyped } from './completion-request.ts';
import { cursorAt, withoutTyped } from './cursor.ts';
import { fits } from './fits.ts';
import { placeAt } from './lines.ts';
import { nodesAbout } from './names.ts';
import { crpPrefixes, placeOf, statementsFrom } from './statement-at.ts';

/** What may be written at an offset of a document; empty where it is not our business. */
export function completeAt(
  file: string,
  text: string,
  offset: number,
  options: CompletionOptions,
): CompletionItem[] {
  const cursor = cursorAt(text, offset);
  if (cursor === undefined || cursor.around.length === 0 || cursor.typed.includes('\n')) return [];
  const whole = withoutTyped(text, cursor);
  const { root } = parseSource({ name: file, text: whole });
  if (root === undefined) return [];
  const prefixes = crpPrefixes(root);
  const places = cursor.around.map(({ start }) => placeAt(whole, start));
  const chain = statementsFrom(root, places);
  const request = { ...options, file, text, cursor, whole, root, chain, prefixes };
  return cursor.keyword === undefined ? keywordItems(request) : argumentItems(request);
}

function keywordItems(request: Request): CompletionItem[] {
  const { prefixes, chain, cursor } = request;
  if (chain.length < cursor.around.length) return [];
  const [prefix] = prefixes;
  if (prefix === undefined) return importItem(request);
  const place = placeOf(chain.at(-1)!.keyword, prefixes);
  const names = Object.keys(CRP_STATEMENTS).filter((name) => isWanted(name, place, request));
  if (names.length === 0) return [];
  const items = names.map((name) => keywordItem(name, { prefix, place, request }));
  return cursor.typed.includes(':') ? items : [prefixItem(prefix, request), ...items];
}

function isWanted(name: string, place: string, request: Request): boolean {
  const { places } = CRP_STATEMENTS[name]!;
  const occurs = Object.hasOwn(places, place) ? places[place] : undefined;
  if (occurs === undefined || !isAvailable(name)) return false;
  const parent = request.chain.at(-1)!;
  const isThere = parent.substatements.some(
    (one) => one.prefix !== undefined && placeOf(one.keyword, request.prefixes) === `crp:${name}`,
  );
  if (occurs !== '*' && isThere) return false;
  return fits(name, request.chain) && (place !== 'crp:annotate' || fitsTarget(name, request));
}

/** Of what `crp:annotate` may say, only what may stand in the node that it is aimed at. */
function fitsTarget(name: string, request: Request): boolean {
  const context = request.workspace.schema(request.file, request.whole);
  const [target] = nodesAbout(context, request.chain);
  return target === undefined || Object.hasOwn(CRP_STATEMENTS[name]!.places, target.kind);
}

function keywordItem(
  name: string,
  { prefix, place, request }: { prefix: string; place: string; request: Request },
): CompletionItem {
  const known = CRP_STATEMENTS[name]!;
  const value = request.reference.statement(name);
  const end = request.cursor.start + request.cursor.typed.length;
  const hasRest = /^[\w.:-]*[ \t]*["'\w;{]/.test(request.text.slice(end, end + 200));
  const snippet = request.snippets && !hasRest ? argumentSnippet(name, known, place) : '';
  return {
    label: `${prefix}:${name}`,
    kind: CompletionItemKind.Keyword,
    detail: `${CRP_MODULE}, ${known.places[place] === '*' ? 'any number' : known.places[place]}`,
    ...(value === undefined ? {} : { documentation: { kind: 'markdown', value } }),
    textEdit: replaceTyped(request, `${prefix}:${name}${snippet}`),
    insertTextFormat: snippet === '' ? InsertTextFormat.PlainText : InsertTextFormat.Snippet,
  };
}

/** The rest of a statement with a stop in its argument (LSP 3.17, "Snippet Syntax"). */
function argumentSnippet(name: string, known: CrpStatement, place: string): string {
  if (known.argument.kind === 'none') return ';';
  const values = availableValues(name, known, place);
  return values.length === 0 ? ' "$1";' : ` "\${1|${values.join(',')}|}";`;
}

function prefixItem(prefix: string, request: Request): CompletionItem {
  return {
    label: `${prefix}:`,
    kind: CompletionItemKind.Module,
    detail: CRP_MODULE,
    textEdit: replaceTyped(request, `${prefix}:`),
  };
}

/** The import, for a module that has none yet. */
function importItem(request: Request): CompletionItem[] {
  if (request.chain.length !== 1 || request.cursor.typed.includes(':')) return [];
  return [
    {
      label: `import ${CRP_MODULE}`,
      kind: CompletionItemKind.Module,
      textEdit: replaceTyped(request, `import ${CRP_MODULE} { prefix crp; }`),
    },
  ];
}
