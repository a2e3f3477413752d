/**
 * The modules of a compiled schema, and what they define besides nodes: features, identities, annotations and
 * extensions, with the places where extensions are used and what prefixes mean there.
 */
import type { SchemaNode, Status } from './schema.ts';
import type { ResolvedType, Typedef } from './schema-types.ts';
import type { Position } from './source.ts';
import type { Statement } from './statement.ts';

/** A module, together with its submodules (RFC 7950 §5.1, §7.1). */
export interface Module {
  name: string;
  namespace: string;
  /** The module's own prefix. */
  prefix: string;
  yangVersion: '1' | '1.1';
  /** The newest revision date, `YYYY-MM-DD`; undefined when the module has none. */
  revision: string | undefined;
  /** Its nodes are part of the data (RFC 7950 §5.6.5); others only lend typedefs, groupings, identities. */
  implemented: boolean;
  organization: string | undefined;
  contact: string | undefined;
  description: string | undefined;
  reference: string | undefined;
  imports: ModuleImport[];
  submodules: Submodule[];
  typedefs: Typedef[];
  features: Feature[];
  identities: Identity[];
  extensionDefinitions: ExtensionDefinition[];
  /** Annotations of instances that it defines (RFC 7952). */
  annotations: Annotation[];
  /** Top-level data nodes, rpcs and notifications in the order of the file; empty when import-only. */
  children: SchemaNode[];
  /** Extension statements at the top level of the module and its submodules. */
  extensions: ExtensionInstance[];
  /** The `deviation` statements of this module and of its submodules. */
  deviations: Statement[];
  statement: Statement;
  position: Position;
}

export interface ModuleImport {
  prefix: string;
  module: string;
  revision: string | undefined;
  position: Position;
}

export interface Submodule {
  name: string;
  revision: string | undefined;
  statement: Statement;
}

/** A feature (RFC 7950 §7.20.1). */
export interface Feature {
  name: string;
  module: string;
  /** Chosen by the caller, and its own `if-feature` holds. */
  enabled: boolean;
  status: Status;
  description: string | undefined;
  position: Position;
}

/** An identity (RFC 7950 §7.18). Identities switched off by `if-feature` are not listed anywhere. */
export interface Identity {
  name: string;
  module: string;
  bases: Identity[];
  /** Everything derived from it, directly or not, in all modules of the context; not itself. */
  derived: Identity[];
  status: Status;
  description: string | undefined;
  position: Position;
  extensions: ExtensionInstance[];
}

/** An annotation of instances, `md:annotation` (RFC 7952 §3). */
export interface Annotation {
  name: string;
  module: string;
  type: ResolvedType;
  description: string | undefined;
  position: Position;
}

/** The definition made by an `extension` statement (RFC 7950 §7.19). */
export interface ExtensionDefinition {
  name: string;
  module: string;
  /** Name of the argument; undefined when instances take none. */
  argument: string | undefined;
  status: Status;
  description: string | undefined;
  position: Position;
}

/** An extension's statement used somewhere (RFC 7950 §6.3.1), `crp:entity "zone" { … }`. */
export interface ExtensionInstance {
  /** Name of the module that defines the extension. */
  module: string;
  name: string;
  argument: string | undefined;
  /** Where its keyword is. */
  position: Position;
  /** Where its argument is; the keyword when there is none. */
  argumentPosition: Position;
  /**
   * Whether it was written in the node itself, or in a `refine` or `deviate` aimed at it. What stands
   * directly below a `uses` or `augment` belongs to that statement and is in no node's `extensions`.
   */
  place: 'own' | 'refine' | 'deviate';
  /** Extension statements nested in it, in order. */
  children: ExtensionInstance[];
  statement: Statement;
  definition: ExtensionDefinition;
  /** The module as whose text it was written: prefixes in its argument are resolved there. */
  scope: PrefixScope;
}

/** What prefixes mean in the file where a statement was written (RFC 7950 §7.1.4, §7.1.5). */
export interface PrefixScope {
  /** The module, or the module that the submodule belongs to. */
  module: Module;
  /** The module that a prefix stands for; `undefined` as prefix is the module itself. */
  resolve(prefix: string | undefined): Module | undefined;
  /** Whether the prefix is that of an import that failed: what it would mean is unknown, and was reported. */
  isBroken(prefix: string): boolean;
  /** The prefixes that may be used, for suggestions. */
  prefixes(): string[];
}
