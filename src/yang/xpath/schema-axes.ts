/**
 * The schema as XPath sees it (RFC 7950 §6.4.1): choices, cases, input and output are not there, and the
 * root holds the data nodes of all implemented modules.
 */
import type { NodeRealm, SchemaNode } from '../schema.ts';
import { dataChildren } from '../tree.ts';
import type { Axis } from './ast.ts';

/** A schema node, or `root`. */
export type Place = SchemaNode | 'root';

/** Where the expression stands: what the root holds, and which side of an operation its tree has. */
export interface Surroundings {
  /** The top-level data nodes, operations and notifications of all implemented modules. */
  topLevel: readonly SchemaNode[];
  realm: NodeRealm;
}

export function parentOf(place: Place): Place | undefined {
  if (place === 'root') return undefined;
  let { parent } = place;
  while (parent !== undefined && TRANSPARENT.includes(parent.kind)) parent = parent.parent;
  return parent ?? 'root';
}

const TRANSPARENT = ['choice', 'case', 'input', 'output'];

export function childrenOf(place: Place, { topLevel, realm }: Surroundings): readonly SchemaNode[] {
  if (place === 'root') return topLevel;
  if (place.kind !== 'rpc' && place.kind !== 'action') return dataChildren(place);
  if (realm === 'output') return dataChildren(place.output);
  return realm === 'input' ? dataChildren(place.input) : [];
}

function* descendantsOf(place: Place, surroundings: Surroundings): Generator<SchemaNode> {
  for (const child of childrenOf(place, surroundings)) {
    yield child;
    yield* descendantsOf(child, surroundings);
  }
}

function* ancestorsOf(place: Place): Generator<Place> {
  for (let at = parentOf(place); at !== undefined; at = parentOf(at)) yield at;
}

function siblingsOf(place: Place, surroundings: Surroundings): readonly SchemaNode[] {
  const parent = parentOf(place);
  return parent === undefined ? [] : childrenOf(parent, surroundings);
}

/** The places that an axis can lead to; instances of a list are siblings of one another. */
export function axisPlaces(axis: Axis, place: Place, surroundings: Surroundings): Iterable<Place> {
  switch (axis) {
    case 'self':
      return [place];
    case 'child':
      return childrenOf(place, surroundings);
    case 'parent':
      return [parentOf(place)].filter((parent) => parent !== undefined);
    case 'ancestor':
      return ancestorsOf(place);
    case 'ancestor-or-self':
      return [place, ...ancestorsOf(place)];
    case 'descendant':
      return descendantsOf(place, surroundings);
    case 'descendant-or-self':
      return [place, ...descendantsOf(place, surroundings)];
    case 'following-sibling':
    case 'preceding-sibling':
      return siblingsOf(place, surroundings);
    case 'following':
    case 'preceding':
      return descendantsOf('root', surroundings);
    default:
      return [];
  }
}
