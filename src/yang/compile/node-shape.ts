/** What the nodes of each kind have of their own: types, sizes, mandatory, presence. */
import type {
  AnyNode,
  CaseNode,
  ChoiceNode,
  ContainerNode,
  InputOutputNode,
  LeafListNode,
  LeafNode,
  ListNode,
  NotificationNode,
  OperationNode,
  SchemaNode,
} from '../schema.ts';
import type { ResolvedType } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import { argumentSpan, keywordSpan } from '../statement.ts';
import type { Draft } from './draft.ts';
import { argumentOf, propertyOf } from './draft.ts';
import type { Session } from './session.ts';
import { resolveType } from './types.ts';

/** What nodes of all kinds have. */
export type Common = Omit<ContainerNode, 'kind' | 'musts' | 'presence'>;

/** The node with what is its kind's own. */
export function shapeNode(session: Session, draft: Draft, common: Common): SchemaNode {
  switch (draft.kind) {
    case 'container':
      return { kind: 'container', ...common, musts: [], presence: argumentOf(draft, 'presence') };
    case 'list':
      return {
        kind: 'list',
        ...common,
        musts: [],
        key: undefined,
        uniques: [],
        ...sizeOf(session, draft),
      } satisfies ListNode;
    case 'leaf':
      return shapeLeaf(session, draft, common);
    case 'leaf-list':
      return shapeLeafList(session, draft, common);
    case 'choice': {
      const choice = {
        ...common,
        children: [],
        mandatory: isMandatory(draft),
        defaultCase: undefined,
      };
      return { kind: 'choice', ...choice } satisfies ChoiceNode;
    }
    case 'case':
      return { kind: 'case', ...common } satisfies CaseNode;
    case 'anydata':
    case 'anyxml':
      return {
        kind: draft.kind,
        ...common,
        musts: [],
        mandatory: isMandatory(draft),
      } satisfies AnyNode;
    case 'rpc':
    case 'action':
      // Its input and output are set when they are made, right after it.
      return { kind: draft.kind, ...common, children: [] } as unknown as OperationNode;
    case 'input':
    case 'output':
      return { kind: draft.kind, ...common, musts: [] } satisfies InputOutputNode;
    case 'notification':
      return { kind: 'notification', ...common, musts: [] } satisfies NotificationNode;
  }
}

function isMandatory(draft: Draft): boolean {
  return argumentOf(draft, 'mandatory') === 'true';
}

function sizeOf(
  session: Session,
  draft: Draft,
): Pick<ListNode, 'minElements' | 'maxElements' | 'orderedBy'> {
  const max = argumentOf(draft, 'max-elements') ?? 'unbounded';
  const minElements = Number(argumentOf(draft, 'min-elements') ?? 0);
  const maxElements = max === 'unbounded' ? max : Number(max);
  if (maxElements !== 'unbounded' && minElements > maxElements) {
    const { statement } = propertyOf(draft, 'min-elements')!;
    const parameters = { min: minElements, max: maxElements };
    session.reporter.report('min-above-max', argumentSpan(statement), parameters);
  }
  const orderedBy = argumentOf(draft, 'ordered-by') === 'user' ? 'user' : 'system';
  return { minElements, maxElements, orderedBy };
}

/**
 * The type of a leaf. When it is wrong, any string stands in for it: a leaf that was missing would be
 * reported again by every key and path that names it.
 */
function typeOf(session: Session, draft: Draft): ResolvedType {
  const written = propertyOf(draft, 'type');
  // Typedefs inside the leaf's own statement do not exist: the scope is the one that it stands in.
  const type = written && resolveType(session, written.statement, written.scope);
  const statement = written?.statement ?? draft.statement;
  return type ?? standIn(statement);
}

function standIn(statement: Statement): ResolvedType {
  const { position } = statement;
  const common = { typedefs: [], statement, position, extensions: [] };
  return { base: 'string', length: undefined, patterns: [], ...common };
}

function shapeLeaf(session: Session, draft: Draft, common: Common): LeafNode {
  const type = typeOf(session, draft);
  const units = argumentOf(draft, 'units') ?? type.typedefs[0]?.units;
  const mandatory = isMandatory(draft);
  if (mandatory)
    forbidDefault(session, draft, `mandatory leaf "${draft.name}" cannot have a default`);
  return {
    kind: 'leaf',
    ...common,
    musts: [],
    type,
    units,
    default: undefined,
    mandatory,
    isKey: false,
  };
}

function shapeLeafList(session: Session, draft: Draft, common: Common): LeafListNode {
  const type = typeOf(session, draft);
  const size = sizeOf(session, draft);
  const units = argumentOf(draft, 'units') ?? type.typedefs[0]?.units;
  if (size.minElements > 0) {
    forbidDefault(
      session,
      draft,
      `leaf-list "${draft.name}" with min-elements cannot have defaults`,
    );
  }
  return { kind: 'leaf-list', ...common, musts: [], type, units, defaults: [], ...size };
}

/** Reports a default of a node that must be given anyway (RFC 7950 §7.6.4, §7.7.4). */
export function forbidDefault(session: Session, draft: Draft, problem: string): void {
  const written: Statement | undefined = propertyOf(draft, 'default')?.statement;
  if (written === undefined) return;
  session.reporter.report('default-not-allowed', keywordSpan(written), { problem });
}
