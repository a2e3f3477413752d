/** CRP3xx: methods that do not fit, and invariants that merging two valid states could break. */
import { error, warning } from './diagnostic-kind.ts';

export const CONFLUENCE_CODES = {
  'method-type': error(
    301,
    (p: { method: string; column: string; type: string }) =>
      `method "${p.method}" does not fit column "${p.column}" of type ${p.type}`,
  ),
  'additive-null': error(
    302,
    (p: { column: string }) => `additive column "${p.column}" may be absent`,
  ),
  'additive-bound': error(
    303,
    (p: { column: string; bound: string }) =>
      `merging can take additive column "${p.column}" out of its range ${p.bound}`,
  ),
  'additive-unsigned': warning(
    304,
    (p: { column: string; type: string }) =>
      `additive column "${p.column}" of type ${p.type} must never be decreased`,
  ),
  'check-across-groups': error(
    305,
    (p: { condition: string; groups: string }) =>
      `merging can break "${p.condition}": its columns are in groups ${p.groups}`,
  ),
  'unique-clash': error(
    306,
    (p: { columns: string; entity: string }) =>
      `merging can break the uniqueness of ${p.columns} in entity "${p.entity}"`,
  ),
  orphan: error(
    307,
    (p: { entity: string; target: string }) =>
      `merging can leave a row of "${p.entity}" without its "${p.target}"`,
  ),
  'entry-count': error(
    308,
    (p: { bound: string; name: string }) => `merging can break ${p.bound} of "${p.name}"`,
  ),
  'set-group': error(
    310,
    (p: { method: string; group: string; columns: string }) =>
      `method "${p.method}" is for one leaf-list, and group "${p.group}" has ${p.columns}`,
  ),
  'set-check': error(
    311,
    (p: { condition: string; name: string }) =>
      `merging can break "${p.condition}": the values of "${p.name}" merge one by one`,
  ),
};
