import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/**
 * A model of entities that not every site may write in every way: `entry` is append-only, `own` is written by the site that
 * inserted the row, `handed` by the one that the row names, and `account` has a number with a bound. `zone` has columns
 * that are the site's own or computed, and rows in it that a local delete takes along; `link` has references that a
 * local delete clears or that it takes along.
 */
export function ownedModel(): Model {
  return modelOf(`
    list entry {
      key id;
      crp:entity "entry" { crp:append-only; crp:column-group "text"; }
      leaf id { type int32; }
      leaf at { type int32; }
      leaf text { type string; crp:in-group "text"; }
    }
    list own {
      key id;
      crp:entity "own" { crp:ownership "site"; crp:column-group "note"; }
      leaf id { type int32; }
      leaf v { type int32; }
      leaf note { type string; crp:in-group "note"; }
      leaf here { type int32; crp:site-local; }
    }
    list handed {
      key id;
      crp:entity "handed" { crp:ownership "row" { crp:owner-leaf "site"; } crp:column-group "count" { crp:resolve "crp:additive"; } }
      leaf id { type int32; }
      leaf site { type string; mandatory true; }
      leaf note { type string; }
      leaf count { type int64; mandatory true; crp:in-group "count"; }
    }
    list zone {
      key id;
      crp:entity "zone" { crp:column-group "serial"; }
      leaf id { type int32; }
      leaf note { type string; }
      leaf serial { type int32; crp:in-group "serial"; }
      leaf here { type int32; crp:site-local; }
      leaf label { type string; crp:derived "coalesce(note, '') || ':' || coalesce(serial, 0)"; }
      leaf shown { type string; crp:derived "to_char('2026-11-24'::date, 'DD') || coalesce(note, '')"; }
      list record {
        key n;
        crp:entity "record" { crp:on-orphan "delete"; }
        leaf n { type int32; }
        leaf data { type string; }
      }
      list view {
        key n;
        crp:entity "view" { crp:on-orphan "restore"; }
        leaf n { type int32; }
        leaf data { type string; }
      }
    }
    list link {
      key id;
      crp:entity "link" { crp:column-group "from"; crp:column-group "to"; crp:column-group "kept"; }
      leaf id { type int32; }
      leaf from { type leafref { path "/t:zone/t:id"; } crp:in-group "from"; crp:on-delete "set-null"; crp:on-orphan "set-null"; }
      leaf to { type leafref { path "/t:zone/t:id"; } crp:in-group "to"; crp:on-delete "cascade"; crp:on-orphan "delete"; }
      leaf kept { type leafref { path "/t:zone/t:id"; } crp:in-group "kept"; crp:on-delete "set-null"; crp:on-orphan "keep"; }
    }
    list account {
      key id;
      crp:entity "account";
      leaf id { type int32; }
      leaf note { type string; }
      leaf balance { type int32; crp:escrow "lower" { crp:bound "5"; } }
    }`);
}
