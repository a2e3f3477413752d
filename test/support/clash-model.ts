import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/** The rules of `unique`, each with an entity of that name. */
export const CLASHES = ['park', 'earliest', 'latest', 'append-site', 'append-sequence'] as const;

/** The rules of references, each with an entity `child-RULE` that refers to `parent`. */
export const ORPHANS = ['set-null', 'delete', 'restore', 'park'] as const;

/** A model with an entity for every rule that settles what constraints forbid. */
export function clashModel(): Model {
  const uniques = CLASHES.map(
    (rule) => `list ${rule} {
      key id;
      unique name { crp:on-unique-clash "${rule}"; }
      crp:entity "${rule}" { crp:column-group "name"; crp:column-group "count" { crp:resolve "crp:additive"; } }
      leaf id { type int32; }
      leaf name { type string; crp:in-group "name"; }
      leaf note { type string; }
      leaf uses { type int64; mandatory true; crp:in-group "count"; }
    }`,
  );
  const children = ORPHANS.map(
    (rule) => `list child-${rule} {
      key id;
      crp:entity "child-${rule}" { crp:column-group "of"; }
      leaf id { type int32; }
      leaf of { type leafref { path "/t:parent/t:id"; } crp:in-group "of"; crp:on-orphan "${rule}"; }
      leaf note { type string; }
    }`,
  );
  const parent = `list parent {
    key id;
    crp:entity "parent";
    leaf id { type int32; }
    leaf note { type string; }
  }`;
  return modelOf([parent, ...uniques, ...children].join('\n'));
}
