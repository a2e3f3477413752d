/** Refuses statements that stand where they may and yet say nothing there: none is ignored silently. */
import type { SchemaNode } from '../yang/schema.ts';
import type { ExtensionInstance, Module } from '../yang/schema-modules.ts';
import { argumentSpan, keywordSpan } from '../yang/statement.ts';
import { crpChild, crpChildren } from './statements/crp-reader.ts';
import type { CrpReader } from './statements/crp-reader.ts';
import { crpStatement } from './statements/crp-statements.ts';
import type { ModelReporter } from './diagnostics/diagnostic-codes.ts';
import { isOperation } from './draft/entities.ts';

/** Statements about a column: they need an entity around them. */
const OF_COLUMNS = ['in-group', 'resolve', 'sql-column'];
const OF_REFERENCES = ['on-delete', 'on-orphan'];

/** Checks the statements of a module's data nodes. */
export function checkFit(module: Module, crp: CrpReader, reporter: ModelReporter): void {
  const checker = new FitChecker(crp, reporter);
  for (const child of module.children) checker.visit(child, undefined);
}

/** Checks that what `crp:annotate` says may stand in the nodes that it is aimed at. */
export function checkAnnotations(crp: CrpReader, reporter: ModelReporter): void {
  for (const [node, instances] of crp.annotated()) {
    for (const instance of instances) {
      const places = crpStatement(instance.name)?.places ?? {};
      if (node.kind in places || !('crp:annotate' in places)) continue;
      report(reporter, instance, `${node.kind} "${node.name}" cannot have it`);
    }
  }
}

function report(reporter: ModelReporter, instance: ExtensionInstance, reason: string): void {
  const { statement, name } = instance;
  const span = instance.argument === undefined ? keywordSpan(statement) : argumentSpan(statement);
  reporter.report('crp-does-not-fit', span, { statement: name, reason });
}

class FitChecker {
  readonly #crp: CrpReader;
  readonly #reporter: ModelReporter;

  constructor(crp: CrpReader, reporter: ModelReporter) {
    this.#crp = crp;
    this.#reporter = reporter;
  }

  /** @param around the entity that the node is in */
  visit(node: SchemaNode, around: SchemaNode | undefined): void {
    if (isOperation(node)) return;
    const entity = node.kind === 'list' ? this.#crp.one(node, 'entity') : undefined;
    if (entity !== undefined) this.#entity(entity, around);
    else this.#node(node, around);
    for (const child of node.children) this.visit(child, entity === undefined ? around : node);
  }

  #entity(entity: ExtensionInstance, around: SchemaNode | undefined): void {
    for (const name of around === undefined ? OF_REFERENCES : []) {
      this.#refuse(crpChild(entity, name), 'the entity is not inside another one');
    }
    const table = crpChild(entity, 'sql-table');
    if (crpChild(table, 'adopt')?.argument === 'table') return;
    const reason = 'the table is made from the model; it needs crp:adopt "table"';
    for (const always of crpChildren(table, 'fire-always')) this.#refuse(always, reason);
    this.#refuse(crpChild(table, 'sql-key'), reason);
  }

  #node(node: SchemaNode, around: SchemaNode | undefined): void {
    const isKey = node.kind === 'leaf' && node.isKey;
    for (const name of around === undefined ? OF_COLUMNS : []) {
      this.#refuse(this.#crp.one(node, name), 'it is not part of an entity');
    }
    if (isKey && around !== undefined) {
      this.#refuse(
        this.#crp.one(node, 'resolve'),
        'key columns are in no group, they never change',
      );
    }
    if (node.kind === 'leaf' && node.type.base === 'leafref' && node.type.requireInstance) return;
    const reason = 'it is only for a leafref with "require-instance true"';
    for (const name of OF_REFERENCES) this.#refuse(this.#crp.one(node, name), reason);
  }

  #refuse(instance: ExtensionInstance | undefined, reason: string): void {
    if (instance !== undefined) report(this.#reporter, instance, reason);
  }
}
