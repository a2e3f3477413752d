import type { NodeKind } from '../schema.ts';
import type { ExtensionInstance } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import type { ModuleUnit, Scope, ScopedStatement } from './unit.ts';

/**
 * A schema node while the tree is put together. Its properties are still statements, so that `refine`
 * and `deviate` are edits of lists; `finish.ts` makes the final nodes of them.
 */
export interface Draft {
  kind: NodeKind;
  name: string;
  /** The module whose namespace the name is in. */
  module: ModuleUnit;
  /** The statement that defined it; of an implied case, input or output the one that implies it. */
  statement: Statement;
  implied: boolean;
  /** Where the statement stands. */
  scope: Scope;
  /** Undefined at the top level. */
  parent: Draft | undefined;
  children: Draft[];
  /** Effective substatements that say something about the node itself, by keyword. */
  properties: Map<string, ScopedStatement[]>;
  whens: DraftWhen[];
  /** Statements whose extension statements apply to the node. */
  extensionHolders: { statement: Statement; scope: Scope; place: ExtensionInstance['place'] }[];
  changes: Statement[];
  /** Switched off by `if-feature`; stays until the end because paths may still name it. */
  disabled: boolean;
  /** The `augment` that brought it to a node of another module without a condition. */
  unconditionalAugment: Statement | undefined;
}

export interface DraftWhen extends ScopedStatement {
  /** Whether the context node is the node itself or the data node around it (RFC 7950 §7.21.5). */
  context: 'self' | 'parent';
}

const NODE_KINDS: ReadonlySet<string> = new Set<NodeKind>([
  'container',
  'list',
  'leaf',
  'leaf-list',
  'choice',
  'case',
  'anydata',
  'anyxml',
  'rpc',
  'action',
  'notification',
  'input',
  'output',
]);

export function isNodeKind(keyword: string): keyword is NodeKind {
  return NODE_KINDS.has(keyword);
}

/** Keywords that a draft keeps as properties. */
const PROPERTIES = [
  'type',
  'units',
  'must',
  'default',
  'config',
  'mandatory',
  'presence',
  'key',
  'unique',
  'min-elements',
  'max-elements',
  'ordered-by',
  'status',
  'description',
  'reference',
];

/** A draft with the properties that its own statement gives it; without children. */
export function createDraft(
  kind: NodeKind,
  place: { statement: Statement; scope: Scope; module: ModuleUnit; parent: Draft | undefined },
): Draft {
  const { statement, scope } = place;
  const draft = emptyDraft(kind, place);
  for (const child of statement.substatements) {
    if (!PROPERTIES.includes(child.keyword)) continue;
    setProperty(draft, { statement: child, scope }, 'append');
  }
  for (const child of statement.substatements) {
    if (child.keyword !== 'when') continue;
    const context = kind === 'choice' || kind === 'case' ? 'parent' : 'self';
    draft.whens.push({ statement: child, scope, context });
  }
  draft.extensionHolders.push({ statement, scope, place: 'own' });
  return draft;
}

/** A draft of a case, input or output that nobody wrote. */
export function createImplied(
  kind: NodeKind,
  place: { statement: Statement; scope: Scope; module: ModuleUnit; parent: Draft | undefined },
): Draft {
  return { ...emptyDraft(kind, place), implied: true };
}

function emptyDraft(
  kind: NodeKind,
  place: { statement: Statement; scope: Scope; module: ModuleUnit; parent: Draft | undefined },
): Draft {
  const named = kind !== 'input' && kind !== 'output';
  return {
    kind,
    name: named ? (place.statement.argument ?? '') : kind,
    module: place.module,
    statement: place.statement,
    implied: false,
    scope: place.scope,
    parent: place.parent,
    children: [],
    properties: new Map(),
    whens: [],
    extensionHolders: [],
    changes: [],
    disabled: false,
    unconditionalAugment: undefined,
  };
}

/** Sets or adds a property. */
export function setProperty(draft: Draft, value: ScopedStatement, how: 'append' | 'replace'): void {
  const { keyword } = value.statement;
  const before = how === 'append' ? (draft.properties.get(keyword) ?? []) : [];
  draft.properties.set(keyword, [...before, value]);
}

export function propertyOf(draft: Draft, keyword: string): ScopedStatement | undefined {
  return draft.properties.get(keyword)?.[0];
}

export function argumentOf(draft: Draft, keyword: string): string | undefined {
  return propertyOf(draft, keyword)?.statement.argument;
}

/** A child by name and module. */
export function findChild(
  children: readonly Draft[],
  name: string,
  module: ModuleUnit,
): Draft | undefined {
  return children.find((child) => child.name === name && child.module === module);
}
