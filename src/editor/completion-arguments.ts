/** Completion of arguments: methods, groups, enumerated values, paths, and the prefix of the import. */
import { CompletionItemKind } from 'vscode-languageserver/node';
import type { CompletionItem } from 'vscode-languageserver/node';
import { CrpReader } from '../model/statements/crp-reader.ts';
import type { CrpStatement } from '../model/statements/crp-statements.ts';
import { CRP_MODULE, crpStatement } from '../model/statements/crp-statements.ts';
import { ModelReporter } from '../model/diagnostics/diagnostic-codes.ts';
import { createFinder } from '../yang/load.ts';
import type { SchemaContext, SchemaNode } from '../yang/schema.ts';
import { substatementArgument } from '../yang/statement.ts';
import { parseSource } from '../yang/syntax/parser.ts';
import { availableMethods, availableValues } from './available.ts';
import type { Request } from './completion-request.ts';
import { replaceTyped } from './completion-request.ts';
import { entityAround, groupNames, leafPaths, nextSteps, nodesAbout, prefixesOf } from './names.ts';
import { methodClass } from './reference.ts';
import { placeOf } from './statement-at.ts';

/** As far as this a closing quote is looked for. */
const MAX_LINE = 1000;

/** What the argument of the typed statement may be; empty for statements that are not ours. */
export function argumentItems(request: Request): CompletionItem[] {
  const { keyword } = request.cursor;
  if (keyword === 'prefix') return importPrefix(request);
  if (keyword === 'import') return importedModule(request);
  const [prefix, name] = keyword!.split(':');
  if (name === undefined || !request.prefixes.includes(prefix!)) return [];
  const known = crpStatement(name);
  return known === undefined ? [] : itemsOf(name, known, request);
}

function itemsOf(name: string, known: CrpStatement, request: Request): CompletionItem[] {
  const parent = request.chain.at(-1);
  switch (known.argument.kind) {
    case 'choice': {
      const place = placeOf(parent?.keyword ?? '', request.prefixes);
      return values(availableValues(name, known, place), CompletionItemKind.EnumMember, request);
    }
    case 'method':
      return availableMethods().map((method) => methodItem(method, request));
    case 'path':
      return values(pathsOf(name, request), CompletionItemKind.Field, request);
    case 'schema-path':
      return stepItems(request);
    case 'words':
      return wordItems(request);
    case 'identifier':
      return values(identifiersOf(name, request), CompletionItemKind.Reference, request);
    default:
      return [];
  }
}

/** The schema without what is typed, and the nodes that the typed statement would be about. */
function schemaOf(request: Request): { context: SchemaContext; nodes: SchemaNode[] } {
  const context = request.workspace.schema(request.file, request.whole);
  return { context, nodes: nodesAbout(context, request.chain) };
}

function identifiersOf(name: string, request: Request): string[] {
  const parent = request.chain.at(-1);
  if (name === 'entity') return parent?.keyword === 'list' ? [parent.argument ?? ''] : [];
  if (name !== 'in-group') return [];
  const { context, nodes } = schemaOf(request);
  return groupNames(nodes, new CrpReader(context, new ModelReporter()));
}

/** Leafs of the entity; of those that can hold the name of an owner for `crp:owner-leaf`. */
function pathsOf(name: string, request: Request): string[] {
  const { context, nodes } = schemaOf(request);
  const crp = new CrpReader(context, new ModelReporter());
  const prefixes = prefixesOf(request.root);
  const paths = nodes.flatMap((node) => {
    const entity = entityAround(node, crp);
    return entity === undefined ? [] : leafPaths(entity, prefixes);
  });
  const fitting = paths.filter(
    ({ leaf }) => name !== 'owner-leaf' || (leaf.mandatory && leaf.type.base === 'string'),
  );
  return [...new Set(fitting.map(({ path }) => path))];
}

/** The next value of an order of an enumeration's values; each is in it once. */
function wordItems(request: Request): CompletionItem[] {
  const { typed, quote } = request.cursor;
  if (quote === undefined) return [];
  const skip = typed.search(/\S*$/);
  const before = typed.slice(0, skip).split(/\s+/);
  const names = schemaOf(request).nodes.flatMap((node) =>
    (node.kind === 'leaf' || node.kind === 'leaf-list') && node.type.base === 'enumeration'
      ? node.type.enums.map(({ name }) => name)
      : [],
  );
  return [...new Set(names)]
    .filter((name) => !before.includes(name))
    .map((name) => ({
      label: name,
      kind: CompletionItemKind.EnumMember,
      textEdit: replaceTyped(request, name, skip),
    }));
}

function stepItems(request: Request): CompletionItem[] {
  const { typed } = request.cursor;
  const skip = typed.lastIndexOf('/') + 1;
  const context = request.workspace.schema(request.file, request.whole);
  const steps = nextSteps(context, request.root, typed.slice(0, Math.max(0, skip - 1)));
  const slash = skip === 0 ? '/' : '';
  return steps.map((step) => ({
    label: `${slash}${step}`,
    kind: CompletionItemKind.Field,
    textEdit: replaceTyped(request, `${slash}${step}`, skip),
  }));
}

function values(
  texts: readonly string[],
  kind: CompletionItemKind,
  request: Request,
): CompletionItem[] {
  return texts.filter((text) => text !== '').map((text) => valueItem(text, kind, request));
}

function valueItem(text: string, kind: CompletionItemKind, request: Request): CompletionItem {
  return {
    label: text,
    kind,
    textEdit: replaceTyped(request, quoted(text, request)),
  };
}

/** An argument as it has to be written: closed if its quote is open, quoted if it has no quote yet. */
function quoted(value: string, { cursor, text }: Request): string {
  if (cursor.quote === undefined) return `"${value}"`;
  const at = cursor.start + cursor.typed.length;
  const after = text.slice(at, at + MAX_LINE).split('\n', 1)[0]!;
  return after.includes(cursor.quote) ? value : value + cursor.quote;
}

function methodItem(method: string, request: Request): CompletionItem {
  const [prefix] = request.cursor.keyword!.split(':');
  const value = request.reference.method(method);
  return {
    ...valueItem(`${prefix}:${method}`, CompletionItemKind.Constant, request),
    detail: methodClass(method),
    ...(value === undefined ? {} : { documentation: { kind: 'markdown', value } }),
  };
}

/** The prefix that an imported module has itself, which every importer should use (RFC 7950 §7.1.4). */
function importPrefix(request: Request): CompletionItem[] {
  const { file, chain, workspace } = request;
  const parent = chain.at(-1);
  if (parent?.keyword !== 'import' || parent.argument === undefined) return [];
  const find = createFinder(workspace.searchPath(file), workspace.texts);
  const source = find(parent.argument, substatementArgument(parent, 'revision-date'));
  const root = source === undefined ? undefined : parseSource(source).root;
  const prefix = root === undefined ? undefined : substatementArgument(root, 'prefix');
  if (prefix === undefined) return [];
  const item = valueItem(prefix, CompletionItemKind.Module, request);
  const { quote } = request.cursor;
  return [quote === undefined ? { ...item, textEdit: replaceTyped(request, prefix) } : item];
}

function importedModule(request: Request): CompletionItem[] {
  if (request.prefixes.length > 0 || request.chain.length !== 1) return [];
  return [
    {
      label: CRP_MODULE,
      kind: CompletionItemKind.Module,
      textEdit: replaceTyped(request, CRP_MODULE),
    },
  ];
}
