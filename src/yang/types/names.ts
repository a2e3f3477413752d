import type { Identity, Module, PrefixScope } from '../schema-modules.ts';
import type { Names } from './value.ts';

const identityIndexes = new WeakMap<Module, Map<string, Identity>>();

/** An identity of a module; undefined when there is none, or it is switched off. */
export function findIdentity(module: Module, name: string): Identity | undefined {
  let index = identityIndexes.get(module);
  if (index === undefined) {
    index = new Map(module.identities.map((identity) => [identity.name, identity]));
    identityIndexes.set(module, index);
  }
  return index.get(name);
}

/** Names as a module's text means them: prefixes of its file. */
export function namesOfScope(scope: PrefixScope): Names {
  return { resolve: (prefix) => scope.resolve(prefix), schemaText: true, identity: findIdentity };
}

/** Names as instance data means them: names of modules; a plain name is in the leaf's own module. */
export function namesOfData(find: (name: string) => Module | undefined, own: Module): Names {
  return {
    resolve: (prefix) => (prefix === undefined ? own : find(prefix)),
    schemaText: false,
    identity: findIdentity,
  };
}
