import type { Statement } from '../statement.ts';
import { argumentSlice } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import type { Draft } from './draft.ts';
import { findChild } from './draft.ts';
import type { Session } from './session.ts';
import { resolvePrefix } from './session.ts';
import type { ModuleUnit, Scope } from './unit.ts';
import { splitName } from './unit.ts';

/** One name of a path, with its place in the path's text. */
interface PathName {
  text: string;
  offset: number;
}

function namesOf(path: string): PathName[] {
  return [...path.matchAll(/[^/]+/g)].map((match) => ({ text: match[0], offset: match.index }));
}

interface WalkPlace {
  scope: Scope;
  /** Namespace of names without prefix. */
  module: ModuleUnit;
  children: readonly Draft[];
}

/** The node that the path of a `refine` or of an `augment` in `uses` leads to; reports when there is none. */
export function walkDescendant(
  session: Session,
  statement: Statement,
  place: WalkPlace,
): Draft | undefined {
  const found = walk(session, statement, place);
  if (found === undefined) return undefined;
  if ('draft' in found) return found.draft;
  reportMissing(session, statement, found);
  return undefined;
}

/** Where a path cannot be followed. */
export interface Missing {
  name: PathName;
  /** The last node that was found; undefined at the top. */
  at: Draft | undefined;
  children: readonly Draft[];
}

/**
 * Follows a path of node names; undefined when a prefix in it is unknown, which is reported. Names of the
 * module in which a grouping was written mean the nodes that the grouping became.
 */
export function walk(
  session: Session,
  statement: Statement,
  place: WalkPlace,
): { draft: Draft } | Missing | undefined {
  let { children } = place;
  let draft: Draft | undefined;
  for (const name of namesOf(statement.argument ?? '')) {
    const split = splitName(name.text);
    const span = argumentSlice(statement, { offset: name.offset, length: name.text.length });
    const named = resolvePrefix(session, place.scope.unit, split.prefix, span);
    if (named === undefined) return undefined;
    const module = named === place.scope.unit.owner ? place.module : named;
    const next = findChild(children, split.name, module);
    if (next === undefined) return { name, at: draft, children };
    draft = next;
    children = next.children;
  }
  return draft === undefined ? undefined : { draft };
}

/** Says where a path ends and which names would have been right there. */
export function reportMissing(session: Session, statement: Statement, missing: Missing): void {
  const { name, at, children } = missing;
  const { text, offset } = name;
  const span = argumentSlice(statement, { offset, length: text.length });
  const where = at === undefined ? 'here' : `in ${at.kind} "${at.name}"`;
  const local = splitName(text).name;
  const elsewhere = children.find((child) => child.name === local);
  const hint =
    elsewhere === undefined
      ? didYouMean(
          local,
          children.map((child) => child.name),
        )
      : `"${local}" is in module "${elsewhere.module.module.name}": write its prefix`;
  session.reporter.report('unknown-node', span, { name: text, where }, { hint });
}
