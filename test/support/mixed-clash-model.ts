import type { Model } from '../../src/model/ir/ir.ts';
import { isOrder } from '../../src/merge/claims.ts';
import { modelOf } from './rules-model.ts';

const RULES = ['earliest', 'latest', 'append-site', 'append-sequence', 'park'] as const;
type Rule = (typeof RULES)[number];

/**
 * Entities with two unique constraints, one for every pair of rules that does not leave everything to an operator; one
 * in `one` has both columns in a group.
 */
export function mixedClashModel(): Model {
  // One order of rows decides all unique constraints of an entity.
  const pairs = RULES.flatMap((first) => RULES.map((second) => [first, second] as const)).filter(
    ([first, second]) => {
      const orders = [first, second].filter(isOrder).length;
      return first === 'park' || second === 'park' ? orders === 1 : first === second || orders < 2;
    },
  );
  const lists = pairs.flatMap(([first, second]) =>
    kindsOf(first, second).map((kind) => {
      const name = `${first}-${second}-${kind}`;
      const other = kind === 'apart' ? 'alias' : 'name';
      return `list ${name} {
        key id;
        unique name { crp:on-unique-clash "${first}"; }
        unique alias { crp:on-unique-clash "${second}"; }
        crp:entity "${name}" { crp:column-group "name"; ${kind === 'apart' ? 'crp:column-group "alias";' : ''}
          crp:column-group "count" { crp:resolve "crp:additive"; } }
        leaf id { type int32; }
        leaf name { type string; crp:in-group "name"; }
        leaf alias { type string; crp:in-group "${other}"; }
        leaf note { type string; }
        leaf uses { type int64; mandatory true; crp:in-group "count"; }
      }`;
    }),
  );
  return modelOf(lists.join('\n'));
}

/** Two rules that change one group the compiler refuses. */
function kindsOf(first: Rule, second: Rule): ('apart' | 'one')[] {
  return isOrder(first) || isOrder(second) ? ['apart', 'one'] : ['apart'];
}
