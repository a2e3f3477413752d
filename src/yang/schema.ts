/**
 * The compiled schema: what `loadModules` returns. Groupings, augments, refinements, features and
 * deviations are already worked in; every node knows the statement it came from. Consumers only read it.
 */
import type { ExtensionInstance, Module, PrefixScope } from './schema-modules.ts';
import type { ResolvedType } from './schema-types.ts';
import type { Position } from './source.ts';
import type { Statement } from './statement.ts';
import type { Expression, Step } from './xpath/ast.ts';

export type Status = 'current' | 'deprecated' | 'obsolete';

/** Everything that was loaded. */
export interface SchemaContext {
  /** All modules of the closure, imported ones before their importers. */
  modules: Module[];
  /** The modules with this name, or of this revision; the newest when several are loaded. */
  findModule(name: string, revision?: string): Module | undefined;
  /**
   * The node at a schema path with module names as prefixes, `/common-dns-zone:dns/zone/name`; a name
   * without prefix is in the module of the node before it. Choices and cases are steps of the path.
   */
  findNode(path: string): SchemaNode | undefined;
}

export type SchemaNode =
  | ContainerNode
  | ListNode
  | LeafNode
  | LeafListNode
  | ChoiceNode
  | CaseNode
  | AnyNode
  | OperationNode
  | InputOutputNode
  | NotificationNode;

export type NodeKind = SchemaNode['kind'];

/** The part of the schema that a node stands in; `config` and `mandatory` mean different things there. */
export type NodeRealm = 'data' | 'input' | 'output' | 'notification';

interface NodeCommon {
  name: string;
  /** The module whose namespace the name is in: for nodes of a grouping, the one that uses it. */
  module: Module;
  /** The keyword that defined it; in a grouping, the place there. */
  position: Position;
  /** Undefined for top-level nodes. */
  parent: SchemaNode | undefined;
  /** Empty for leafs, leaf-lists, anydata and anyxml. Without what `if-feature` switched off. */
  children: SchemaNode[];
  realm: NodeRealm;
  /** False for state data; always true outside the realm `data`, where it has no meaning. */
  config: boolean;
  status: Status;
  description: string | undefined;
  reference: string | undefined;
  /**
   * Conditions of the node's existence: its own `when`, and those of the `uses` and `augment` that
   * brought it in. Each has its own context node.
   */
  whens: When[];
  /** Extension statements written in the node, then those of `refine` and `deviate` aimed at it. */
  extensions: ExtensionInstance[];
  statement: Statement;
  /** The file's meaning of prefixes where the node was written. */
  scope: PrefixScope;
  /** `refine` and `deviate` statements that changed it, in order of application. */
  changes: Statement[];
}

interface WithMust {
  musts: Must[];
}

/** container (RFC 7950 §7.5). */
export interface ContainerNode extends NodeCommon, WithMust {
  kind: 'container';
  /** The text of `presence`; undefined for a container that only structures. */
  presence: string | undefined;
}

/** list (RFC 7950 §7.8). */
export interface ListNode extends NodeCommon, WithMust {
  kind: 'list';
  /** Undefined for a list without keys. */
  key: ListKey | undefined;
  uniques: ListUnique[];
  minElements: number;
  maxElements: number | 'unbounded';
  orderedBy: 'system' | 'user';
}

/** The `key` statement (RFC 7950 §7.8.2). */
export interface ListKey {
  leafs: LeafNode[];
  position: Position;
  statement: Statement;
  /** Extension statements written below it. */
  extensions: ExtensionInstance[];
}

/** A `unique` statement (RFC 7950 §7.8.3). */
export interface ListUnique {
  leafs: LeafNode[];
  text: string;
  position: Position;
  statement: Statement;
  extensions: ExtensionInstance[];
}

/** leaf (RFC 7950 §7.6). */
export interface LeafNode extends NodeCommon, WithMust {
  kind: 'leaf';
  type: ResolvedType;
  /** Its own or its typedef's. */
  units: string | undefined;
  /** The default in use, its own or its typedef's, in canonical form; undefined when there is none. */
  default: DefaultValue | undefined;
  mandatory: boolean;
  /** It is in the key of the list that is its parent. */
  isKey: boolean;
}

/** leaf-list (RFC 7950 §7.7). */
export interface LeafListNode extends NodeCommon, WithMust {
  kind: 'leaf-list';
  type: ResolvedType;
  units: string | undefined;
  /** In canonical form; empty when there are none. */
  defaults: DefaultValue[];
  minElements: number;
  maxElements: number | 'unbounded';
  orderedBy: 'system' | 'user';
}

export interface DefaultValue {
  /** As written. */
  text: string;
  /** Canonical form; identities and instance paths are written with module names, as in RFC 7951. */
  canonical: string;
  position: Position;
  /** The node's own statement, or the typedef's. */
  from: 'node' | 'typedef';
}

/** choice (RFC 7950 §7.9). */
export interface ChoiceNode extends NodeCommon {
  kind: 'choice';
  children: CaseNode[];
  mandatory: boolean;
  defaultCase: CaseNode | undefined;
}

/** case; also made for nodes that were written directly below a choice (RFC 7950 §7.9.2). */
export interface CaseNode extends NodeCommon {
  kind: 'case';
}

/** anydata and anyxml (RFC 7950 §7.10, §7.11). */
export interface AnyNode extends NodeCommon, WithMust {
  kind: 'anydata' | 'anyxml';
  mandatory: boolean;
}

/** rpc and action (RFC 7950 §7.14, §7.15). Its children are its input and its output, always both. */
export interface OperationNode extends NodeCommon {
  kind: 'rpc' | 'action';
  children: InputOutputNode[];
  input: InputOutputNode;
  output: InputOutputNode;
}

export interface InputOutputNode extends NodeCommon, WithMust {
  kind: 'input' | 'output';
}

/** notification (RFC 7950 §7.16). */
export interface NotificationNode extends NodeCommon, WithMust {
  kind: 'notification';
}

/** An XPath expression whose names are resolved against the schema (RFC 7950 §6.4). */
export interface BoundXPath {
  text: string;
  expression: Expression;
  position: Position;
  /** Position in the file of a character of `text`. */
  positionAt(offset: number): Position;
  scope: PrefixScope;
  /** The schema node that the expression is evaluated at; undefined for the root. */
  context: SchemaNode | undefined;
  /** For each step of each path, the schema nodes that it can select. */
  targets: ReadonlyMap<Step, readonly SchemaNode[]>;
}

/** A `must` statement (RFC 7950 §7.5.3). */
export interface Must {
  xpath: BoundXPath;
  errorMessage: string | undefined;
  errorAppTag: string | undefined;
  description: string | undefined;
  position: Position;
  statement: Statement;
  extensions: ExtensionInstance[];
}

/** A `when` statement (RFC 7950 §7.21.5). */
export interface When {
  xpath: BoundXPath;
  description: string | undefined;
  position: Position;
  statement: Statement;
  extensions: ExtensionInstance[];
}
