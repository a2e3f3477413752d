import type { Model } from '../../src/model/ir/ir.ts';
import { modelOf } from './rules-model.ts';

/** A model of one entity with a column for every method that keeps the best value. */
export function methodsModel(): Model {
  return modelOf(`list host {
      key id;
      crp:entity "host";
      leaf id { type int32; }
      leaf top { type int32; crp:resolve "crp:maximum"; }
      leaf low { type decimal64 { fraction-digits 2; } crp:resolve "crp:minimum"; }
      leaf serial { type uint32; crp:resolve "crp:serial-maximum"; }
      leaf state {
        type enumeration { enum active; enum stopped; enum offered; }
        crp:resolve "crp:priority-group" { crp:order "offered active stopped"; }
      }
      leaf level {
        type enumeration { enum high { value 9; } enum low { value 1; } }
        crp:resolve "crp:maximum";
      }
      leaf seen { type yang:date-and-time; crp:resolve "crp:maximum"; }
      leaf word { type string; crp:resolve "crp:maximum"; }
      leaf note { type string; crp:resolve "crp:overwrite"; }
    }`);
}
