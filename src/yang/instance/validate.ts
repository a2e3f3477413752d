/** Instance data in JSON (RFC 7951) against a compiled schema: the entry point. */
import type { Diagnostic } from '../diagnostics.ts';
import { sortDiagnostics } from '../diagnostics.ts';
import { Reporter } from '../reporter.ts';
import type { SchemaContext, SchemaNode } from '../schema.ts';
import type { SourceFile } from '../source.ts';
import type { JsonValue } from '../types/value.ts';
import { Conditions } from './conditions.ts';
import { addDefaults } from './defaults.ts';
import { readJsonText } from './json-reader.ts';
import type { PrintOptions } from './print.ts';
import { printInstance } from './print.ts';
import { readMembers } from './read.ts';
import { References } from './references.ts';
import type { InstanceContent, InstanceSession } from './session.ts';
import { realmOf } from './session.ts';
import { StructureChecks } from './structure.ts';
import type { InstanceNode } from './tree.ts';
import { createInstance, numberInstances, walkInstances } from './tree.ts';

export interface ValidateOptions {
  context: SchemaContext;
  /** Default `data`. */
  content?: InstanceContent;
}

export interface ValidatedInstance {
  /** The root of the data with defaults; what could not be read is not in it. */
  root: InstanceNode;
  /** Sorted by place; the data are valid when none is an error. */
  diagnostics: Diagnostic[];
  /** The data in canonical form. */
  toJson(options?: Partial<PrintOptions>): { [member: string]: JsonValue };
}

/**
 * Reads and checks a document: names, values, keys, mandatory nodes, numbers of entries, uniqueness,
 * choices, conditions, references (RFC 7950 §8). Everything that is wrong is reported in one run, except
 * that conditions and references are only looked at when the tree itself is right.
 */
export function validateInstance(source: SourceFile, options: ValidateOptions): ValidatedInstance {
  const reporter = new Reporter();
  const start = { file: source.name, line: 1, column: 1 };
  const session: InstanceSession = {
    context: options.context,
    content: options.content ?? 'data',
    reporter,
    document: { start, end: start },
  };
  const root = createInstance(undefined, undefined);
  const { node, problem } = readJsonText(source);
  if (problem !== undefined) reporter.add(problem);
  else {
    readMembers(session, node, root);
    checkTree(session, root);
  }
  return {
    root,
    diagnostics: sortDiagnostics(reporter.diagnostics),
    toJson: (print) => printInstance(session, root, { defaults: false, order: 'given', ...print }),
  };
}

function checkTree(session: InstanceSession, root: InstanceNode): void {
  numberInstances(root);
  const references = new References(session);
  const conditions = new Conditions(session, references);
  const structure = new StructureChecks(session, conditions);
  const tops = topSchemas(session);
  for (const { node, schemas } of startsOf(session, root, tops)) {
    addDefaults(session, node, { tops: schemas, conditions });
  }
  numberInstances(root);
  for (const { node, schemas } of startsOf(session, root, tops)) {
    for (const at of walkInstances(node)) structure.check(at, at === node ? schemas : undefined);
  }
  if (session.reporter.hasErrors) return;
  for (const { node } of startsOf(session, root, tops)) {
    for (const at of walkInstances(node)) {
      conditions.checkWhens(at);
      conditions.checkMusts(at);
      references.check(at);
    }
  }
}

function topSchemas(session: InstanceSession): SchemaNode[] {
  return session.context.modules
    .flatMap((module) => module.children)
    .filter((node) => node.kind !== 'rpc' && node.kind !== 'notification');
}

/** Where checking begins: at the root, or at the operations and notifications of the document. */
function startsOf(
  session: InstanceSession,
  root: InstanceNode,
  tops: readonly SchemaNode[],
): { node: InstanceNode; schemas: readonly SchemaNode[] }[] {
  const realm = realmOf(session.content);
  if (realm === 'data') return [{ node: root, schemas: tops }];
  const found: { node: InstanceNode; schemas: readonly SchemaNode[] }[] = [];
  for (const node of walkInstances(root)) {
    const { schema } = node;
    if (schema?.kind === 'notification') found.push({ node, schemas: schema.children });
    if (schema?.kind !== 'rpc' && schema?.kind !== 'action') continue;
    const part = realm === 'input' ? schema.input : schema.output;
    found.push({ node, schemas: part.children });
  }
  return found;
}
