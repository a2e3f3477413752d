import type { SchemaContext, SchemaNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import { splitName } from './unit.ts';

/** The context of the contract over a list of modules. */
export function createContext(modules: Module[]): SchemaContext {
  const findModule = (name: string, revision?: string): Module | undefined => {
    const found = modules.filter((module) => module.name === name);
    if (revision !== undefined) return found.find((module) => module.revision === revision);
    return (
      found.find((module) => module.implemented) ??
      found.reduce<Module | undefined>(
        (best, module) =>
          (best?.revision ?? '') < (module.revision ?? '') ? module : (best ?? module),
        undefined,
      )
    );
  };
  return { modules, findModule, findNode: (path) => findNode(path, findModule) };
}

function findNode(
  path: string,
  findModule: (name: string) => Module | undefined,
): SchemaNode | undefined {
  let node: SchemaNode | undefined;
  for (const text of path.split('/').slice(1)) {
    const { prefix, name } = splitName(text);
    const module: Module | undefined = prefix === undefined ? node?.module : findModule(prefix);
    const children: readonly SchemaNode[] = (node ?? module)?.children ?? [];
    node = children.find((child) => child.name === name && child.module === module);
    if (node === undefined) return undefined;
  }
  return node;
}
