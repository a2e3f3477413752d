/** Finds the entities of a module's tree: the lists with `crp:entity`, outer ones before inner ones. */
import type { ListNode, SchemaNode } from '../../yang/schema.ts';
import type { Module } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { CrpReader } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from './draft.ts';
import { nodeSpan } from './draft.ts';
import { sqlName } from '../ir/names.ts';

export interface EntityContext {
  crp: CrpReader;
  reporter: ModelReporter;
  /** The SQL schema of tables that are not named with one. */
  schema: string;
}

/** The entities below the module's top-level nodes; data outside of any entity is reported. */
export function findEntities(module: Module, context: EntityContext): EntityDraft[] {
  const finder = new Finder(module, context);
  for (const child of module.children) finder.visit(child, undefined);
  return finder.found;
}

class Finder {
  readonly found: EntityDraft[] = [];
  readonly #module: Module;
  readonly #context: EntityContext;

  constructor(module: Module, context: EntityContext) {
    this.#module = module;
    this.#context = context;
  }

  visit(node: SchemaNode, parent: EntityDraft | undefined): void {
    if (node.realm !== 'data' || isOperation(node)) return;
    const entity = node.kind === 'list' ? this.#entity(node, parent) : undefined;
    if (entity === undefined && parent === undefined) this.#outside(node);
    if (entity === undefined && node.kind === 'list') return;
    for (const child of node.children) this.visit(child, entity ?? parent);
  }

  #outside(node: SchemaNode): void {
    if (node.kind === 'container' || node.kind === 'choice' || node.kind === 'case') return;
    const hint =
      node.kind === 'list'
        ? 'Give the list a "crp:entity" statement.'
        : 'Only what is in a list with "crp:entity" is stored: move it into one, or make a list of it.';
    const parameters = { kind: node.kind, name: node.name };
    this.#context.reporter.report('outside-entity', nodeSpan(node), parameters, { hint });
  }

  #entity(node: ListNode, parent: EntityDraft | undefined): EntityDraft | undefined {
    const { crp, reporter, schema } = this.#context;
    const statement = crp.one(node, 'entity');
    if (statement === undefined) return undefined;
    const name = statement.argument ?? node.name;
    const first = this.found.find((other) => other.name === name);
    if (first !== undefined) {
      const related = [{ message: 'the first one', position: first.statement.position }];
      const span = argumentSpan(statement.statement);
      reporter.report('duplicate-crp-name', span, { what: 'entity', name }, { related });
    }
    if (node.key === undefined) {
      reporter.report('no-key', nodeSpan(node), { name });
      return undefined;
    }
    const table = crpChild(statement, 'sql-table')?.argument?.split('.') ?? [sqlName(name)];
    const draft: EntityDraft = {
      ...{ name, path: schemaPath(node), node, module: this.#module, statement, parent },
      table: { schema: table.length > 1 ? table[0]! : schema, name: table.at(-1)! },
      ...{ columns: [], groups: [], uniques: [], references: [], checks: [], counters: [] },
      local: parent?.local === true || crpChild(statement, 'site-local') !== undefined,
    };
    this.found.push(draft);
    return draft;
  }
}

/** Nodes of the schema tree that hold no data of the datastore. */
export function isOperation(node: SchemaNode): boolean {
  return ['rpc', 'action', 'notification', 'input', 'output'].includes(node.kind);
}

/** The node's path by names of data nodes, from the root. */
export function schemaPath(node: SchemaNode): string {
  const steps: string[] = [];
  for (let at: SchemaNode | undefined = node; at !== undefined; at = at.parent) {
    if (at.kind !== 'choice' && at.kind !== 'case') steps.unshift(at.name);
  }
  return `/${steps.join('/')}`;
}
