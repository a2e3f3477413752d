import type { Module, PrefixScope } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';

/** One file: a module, or a submodule, whose definitions belong to its module. */
export interface Unit {
  root: Statement;
  yangVersion: '1' | '1.1';
  /** The newest revision date. */
  revision: string | undefined;
  owner: ModuleUnit;
  /** What each prefix of this file stands for. */
  imports: Map<string, ModuleUnit>;
  /** Prefixes of imports that failed, so that what uses them is not reported again and again. */
  broken: Set<string>;
  prefixScope: PrefixScope;
  /** Scope of the statements at the top of the file. */
  scope: Scope;
}

/** A module with its submodules, and its top-level definitions by name. */
export interface ModuleUnit {
  module: Module;
  /** The module's own file first, then its submodules in the order of inclusion. */
  units: Unit[];
  typedefs: Map<string, Definition>;
  groupings: Map<string, Definition>;
  identities: Map<string, Definition>;
  features: Map<string, Definition>;
  extensions: Map<string, Definition>;
}

/** A statement that defines a name, with the scope in which it stands. */
export interface Definition {
  statement: Statement;
  scope: Scope;
}

/** A statement together with where its names are looked up. */
export type ScopedStatement = Definition;

/**
 * Where names of typedefs and groupings are looked up (RFC 7950 §5.5): a statement with such definitions
 * in it, and everything around it.
 */
export class Scope {
  readonly unit: Unit;
  readonly parent: Scope | undefined;
  readonly #typedefs: ReadonlyMap<string, Definition>;
  readonly #groupings: ReadonlyMap<string, Definition>;
  readonly #children = new WeakMap<Statement, Scope>();

  constructor(unit: Unit, parent: Scope | undefined, statement: Statement | undefined) {
    this.unit = unit;
    this.parent = parent;
    this.#typedefs = definitionsIn(statement, 'typedef', this);
    this.#groupings = definitionsIn(statement, 'grouping', this);
  }

  /** The scope inside a statement that stands in this one; the same one whenever it is asked for. */
  inside(statement: Statement): Scope {
    const known = this.#children.get(statement);
    if (known !== undefined) return known;
    const scope = new Scope(this.unit, this, statement);
    this.#children.set(statement, scope);
    return scope;
  }

  get prefixes(): PrefixScope {
    return this.unit.prefixScope;
  }

  /** A typedef by its name without prefix, from the inside out. */
  typedef(name: string): Definition | undefined {
    return this.#typedefs.get(name) ?? this.parent?.typedef(name) ?? this.#top.typedefs.get(name);
  }

  grouping(name: string): Definition | undefined {
    return (
      this.#groupings.get(name) ?? this.parent?.grouping(name) ?? this.#top.groupings.get(name)
    );
  }

  /** Names that would be found, for suggestions. */
  visible(kind: 'typedefs' | 'groupings'): string[] {
    const own = kind === 'typedefs' ? this.#typedefs : this.#groupings;
    const outer = this.parent?.visible(kind) ?? [...this.#top[kind].keys()];
    return [...own.keys(), ...outer];
  }

  get #top(): ModuleUnit {
    return this.unit.owner;
  }
}

function definitionsIn(
  statement: Statement | undefined,
  keyword: 'typedef' | 'grouping',
  scope: Scope,
): ReadonlyMap<string, Definition> {
  const found = new Map<string, Definition>();
  for (const child of statement?.substatements ?? []) {
    if (child.keyword !== keyword || child.argument === undefined) continue;
    if (!found.has(child.argument)) found.set(child.argument, { statement: child, scope });
  }
  return found;
}

/** Splits `prefix:name`; the prefix of a plain name is undefined. */
export function splitName(text: string): { prefix: string | undefined; name: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { prefix: undefined, name: text };
  return { prefix: text.slice(0, colon), name: text.slice(colon + 1) };
}
