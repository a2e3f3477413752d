import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/**
 * A model of entities that have sets and keep history: `message` for its rule of deletes, `first` for its rule of keys,
 * `quota` for one of its methods, and `box`, of whose rows two may claim one name.
 */
export function mailboxModel(): Model {
  const sets = `leaf-list flag { type string; crp:resolve "crp:add-wins"; }
      leaf-list role { type string; crp:resolve "crp:remove-wins"; }`;
  return modelOf(`
    list message {
      key id;
      crp:entity "message" { crp:on-delete-update "update"; }
      leaf id { type int32; }
      ${sets}
      leaf subject { type string; }
    }
    list quota {
      key id;
      crp:entity "quota";
      leaf id { type int32; }
      leaf used { type int32; crp:resolve "crp:average"; }
      ${sets}
    }
    list first {
      key id;
      crp:entity "first" { crp:on-unique-clash "earliest"; crp:on-delete-update "latest"; }
      leaf id { type int32; }
      ${sets}
    }
    list box {
      key id;
      unique name { crp:on-unique-clash "earliest"; }
      crp:entity "box" { crp:column-group "name"; }
      leaf id { type int32; }
      leaf name { type string; crp:in-group "name"; }
      leaf note { type string; crp:resolve "crp:discard"; }
      ${sets}
    }`);
}
