/** Access to the `common-replication` statements of compiled schema nodes. */
import type { SchemaContext, SchemaNode } from '../../yang/schema.ts';
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import { CRP_MODULE } from './crp-statements.ts';

interface WithExtensions {
  extensions: ExtensionInstance[];
}

/** The statements in effect at a node: those written in it, and those of `crp:annotate` aimed at it. */
export class CrpReader {
  readonly #annotations = new Map<SchemaNode, ExtensionInstance[]>();

  constructor(context: SchemaContext, reporter: ModelReporter) {
    for (const module of context.modules) {
      for (const annotate of module.extensions.filter((found) => isCrp(found, 'annotate'))) {
        this.#annotate(context, annotate, reporter);
      }
    }
  }

  #annotate(context: SchemaContext, annotate: ExtensionInstance, reporter: ModelReporter): void {
    const path = annotate.argument ?? '';
    const node = context.findNode(withModuleNames(path, annotate));
    if (node === undefined) {
      const hint = 'Every step needs the prefix of the module that the node is from.';
      reporter.report('unknown-target', argumentSpan(annotate.statement), { path }, { hint });
      return;
    }
    const before = this.#annotations.get(node) ?? [];
    this.#annotations.set(node, [...before, ...annotate.children]);
  }

  /** The statement of this name at a node; that of an annotation replaces the node's own. */
  one(node: SchemaNode, name: string): ExtensionInstance | undefined {
    const added = this.#annotations.get(node)?.findLast((found) => isCrp(found, name));
    return added ?? crpOne(node, name);
  }

  /** Names of the nodes that annotations are aimed at, for checks that all of them are used. */
  annotated(): Iterable<[SchemaNode, ExtensionInstance[]]> {
    return this.#annotations;
  }
}

function isCrp(instance: ExtensionInstance, name: string): boolean {
  return instance.module === CRP_MODULE && instance.name === name && instance.place === 'own';
}

/** `/cdz:dns/cdz:zone` with module names instead of prefixes; unknown prefixes stay as they are. */
function withModuleNames(path: string, written: ExtensionInstance): string {
  return path
    .split('/')
    .map((step) => {
      if (step === '') return '';
      const [prefix, name] = step.includes(':') ? step.split(':') : [undefined, step];
      const module = written.scope.resolve(prefix)?.name ?? prefix ?? '';
      return `${module}:${name}`;
    })
    .join('/');
}

/** The first statement of this name written below another statement. */
export function crpOne(holder: WithExtensions, name: string): ExtensionInstance | undefined {
  return holder.extensions.find((found) => isCrp(found, name));
}

/** The substatement of this name of a `crp` statement. */
export function crpChild(
  instance: ExtensionInstance | undefined,
  name: string,
): ExtensionInstance | undefined {
  return instance?.children.find((found) => isCrp(found, name));
}

/** All substatements of this name of a `crp` statement, in order. */
export function crpChildren(
  instance: ExtensionInstance | undefined,
  name: string,
): ExtensionInstance[] {
  return instance?.children.filter((found) => isCrp(found, name)) ?? [];
}
