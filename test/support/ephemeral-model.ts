import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/**
 * A model of entities whose rows expire: `session`; `lease`, whose keys belong to sites by the ranges of `pool`; and
 * `name`, of whose rows two may claim one name.
 */
export function ephemeralModel(): Model {
  return modelOf(`
    list pool {
      key id;
      crp:entity "pool";
      leaf id { type int32; }
      leaf first { type int32; mandatory true; }
      leaf last { type int32; mandatory true; }
      leaf site { type string; mandatory true; }
    }
    list session {
      key id;
      crp:entity "session" {
        crp:column-group "place";
        crp:expires-at "expires" { crp:grace "PT1S"; }
      }
      leaf id { type int32; }
      leaf expires { type yang:date-and-time; }
      leaf note { type string; }
      leaf place { type string; crp:in-group "place"; }
      leaf packets { type int64; mandatory true; crp:resolve "crp:additive"; }
      leaf top { type int32; crp:resolve "crp:maximum"; }
      leaf-list flag { type string; crp:resolve "crp:add-wins"; }
      leaf-list role { type string; crp:resolve "crp:remove-wins"; }
    }
    list lease {
      key id;
      crp:entity "lease" {
        crp:expires-at "expires";
        crp:claim "pool" { crp:key-range "first last"; crp:owner-leaf "site"; }
        crp:after-apply "leases_changed";
      }
      leaf id { type int32; }
      leaf expires { type yang:date-and-time; crp:resolve "crp:maximum"; }
      leaf host { type string; }
      leaf renewals { type int32; mandatory true; crp:resolve "crp:additive"; }
    }
    list name {
      key id;
      unique name { crp:on-unique-clash "earliest"; }
      crp:entity "name" { crp:column-group "name"; crp:expires-at "expires"; }
      leaf id { type int32; }
      leaf name { type string; crp:in-group "name"; }
      leaf expires { type yang:date-and-time; }
      leaf uses { type int64; mandatory true; crp:resolve "crp:additive"; }
    }`);
}

/** The sites' ranges in `pool`; some keys are in two, and those above 11 in none. */
export const POOLS = `INSERT INTO test.pool VALUES (1, 1, 5, 'site1'), (2, 4, 8, 'site2'), (3, 8, 11, 'site3')`;
