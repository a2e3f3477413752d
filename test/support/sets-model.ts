import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/** A model of one entity with sets of several types, of both methods, and a group that is none. */
export function setsModel(): Model {
  return modelOf(`list account {
      key id;
      crp:entity "account";
      leaf id { type int32; }
      leaf name { type string; }
      leaf-list alias { type string; crp:resolve "crp:add-wins"; }
      leaf-list role { type string; crp:resolve "crp:remove-wins"; }
      leaf-list port { type uint16; crp:resolve "crp:add-wins"; }
      leaf-list address { type yang:mac-address; crp:resolve "crp:remove-wins"; }
      leaf-list photo { type binary; crp:resolve "crp:add-wins"; }
      leaf-list seen { type yang:date-and-time; crp:resolve "crp:add-wins"; }
      choice how {
        leaf-list proxy { type string; crp:resolve "crp:remove-wins"; }
      }
    }`);
}
