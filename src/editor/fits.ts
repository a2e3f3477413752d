/**
 * Which statements say something where they would stand. The table of places says where they may stand; the
 * compiler refuses more of them for what is around (CRP105), and completion does not offer those.
 */
import { BUILT_IN } from '../yang/compile/types.ts';
import { MAY_PASS } from '../model/groups/ordered.ts';
import type { Statement } from '../yang/statement.ts';
import { findSubstatement, substatementArgument } from '../yang/statement.ts';

/** Statements about a column: in an entity, and not for its key, which is in no group and never changes. */
const OF_COLUMNS = new Set(['in-group', 'resolve', 'sql-column']);
const NEVER_OF_KEYS = new Set(['in-group', 'resolve']);
const OF_REFERENCES = new Set(['on-delete', 'on-orphan']);
/** What a grouping or augment says of a node is copied to places that are not seen here. */
const ELSEWHERE = new Set(['grouping', 'augment']);

/** By statement: the argument that the statement around it, or one in it, has to have. */
const NEEDS: Readonly<Record<string, (parent: Statement) => boolean>> = {
  order: (parent) => parent.argument?.endsWith(':priority-group') === true,
  sites: (parent) => parent.argument?.endsWith(':site-priority') === true,
  otherwise: (parent) => MAY_PASS.has(parent.argument?.split(':').at(-1) ?? ''),
  function: (parent) => parent.argument?.endsWith(':sql-function') === true,
  'owner-leaf': (parent) => parent.argument === 'row',
  'sql-key': isAdopted,
  'fire-always': isAdopted,
};

function isAdopted(table: Statement): boolean {
  return table.substatements.some((one) => one.name === 'adopt' && one.argument === 'table');
}

/**
 * Whether a statement says something below the last one of `chain`.
 *
 * @param chain the statements around it, outermost first; not empty
 */
export function fits(name: string, chain: readonly Statement[]): boolean {
  const parent = chain.at(-1)!;
  const elsewhere = chain.some((one) => ELSEWHERE.has(one.keyword) || one.name === 'annotate');
  const entities = chain.filter(isEntity).length;
  if (OF_REFERENCES.has(name)) {
    return parent.name === 'entity' ? elsewhere || entities > 1 : mayRefer(parent);
  }
  if (NEVER_OF_KEYS.has(name) && isKey(chain)) return false;
  if (OF_COLUMNS.has(name) && parent.prefix === undefined) return elsewhere || entities > 0;
  return !Object.hasOwn(NEEDS, name) || NEEDS[name]!(parent);
}

function isEntity(statement: Statement): boolean {
  const has = (one: Statement): boolean => one.prefix !== undefined && one.name === 'entity';
  return statement.keyword === 'list' && statement.substatements.some(has);
}

/** A leaf without a type yet, or with one that is, or may be derived from, a leafref. */
function mayRefer(leaf: Statement): boolean {
  if (leaf.keyword !== 'leaf') return true;
  const type = substatementArgument(leaf, 'type');
  return type === undefined || type === 'leafref' || !BUILT_IN.includes(type);
}

function isKey(chain: readonly Statement[]): boolean {
  const [list, leaf] = chain.slice(-2);
  if (leaf?.keyword !== 'leaf' || list?.keyword !== 'list') return false;
  const key = findSubstatement(list, 'key')?.argument ?? '';
  return key.split(/\s+/).includes(leaf.argument ?? '');
}
