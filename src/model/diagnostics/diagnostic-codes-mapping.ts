/** CRP2xx: what of YANG cannot become a table, a column or a check. */
import { error, warning } from './diagnostic-kind.ts';

export const MAPPING_CODES = {
  'old-yang': error(
    201,
    (p: { module: string }) => `module "${p.module}" is not written in YANG 1.1`,
  ),
  'no-revision': error(202, (p: { module: string }) => `module "${p.module}" has no revision`),
  'outside-entity': error(
    203,
    (p: { kind: string; name: string }) => `${p.kind} "${p.name}" is not part of any entity`,
  ),
  'inner-list': error(
    204,
    (p: { name: string; entity: string }) =>
      `list "${p.name}" inside entity "${p.entity}" is not an entity itself`,
  ),
  'no-key': error(205, (p: { name: string }) => `entity "${p.name}" has no key`),
  'state-in-entity': error(
    206,
    (p: { name: string }) => `"${p.name}" is state data (config false) inside an entity`,
  ),
  'ordered-by-user': error(
    207,
    (p: { name: string }) => `"${p.name}" is ordered by the user, and order cannot be merged`,
  ),
  'node-kind': error(
    208,
    (p: { kind: string; name: string }) => `${p.kind} "${p.name}" has no column type`,
  ),
  'pattern-not-portable': error(
    210,
    (p: { pattern: string }) =>
      `pattern '${p.pattern}' has no counterpart in PostgreSQL's regular expressions`,
  ),
  'name-clash': error(
    211,
    (p: { kind: string; name: string; one: string; other: string }) =>
      `"${p.one}" and "${p.other}" would both be ${p.kind} "${p.name}"`,
  ),
  'reserved-name': error(
    212,
    (p: { name: string }) => `"${p.name}" begins with "_crp_", which is reserved`,
  ),
  'must-not-in-row': error(
    213,
    (p: { condition: string; reason: string }) =>
      `the condition "${p.condition}" cannot be checked in one row: ${p.reason}`,
  ),
  'reference-shape': error(
    214,
    (p: { path: string; reason: string }) =>
      `the reference "${p.path}" cannot be a foreign key: ${p.reason}`,
  ),
  'no-identities': error(215, (p: { base: string }) => `no identity is derived from "${p.base}"`),
  'empty-group': warning(
    216,
    (p: { group: string; entity: string }) =>
      `column group "${p.group}" of entity "${p.entity}" has no columns`,
  ),
  deviation: error(217, (p: { module: string }) => `module "${p.module}" has deviations`),
  'unique-column': error(
    218,
    (p: { name: string }) => `"${p.name}" is not a column of the entity that must be unique`,
  ),
  'key-type': error(
    219,
    (p: { column: string; type: string }) =>
      `key column "${p.column}" is of type ${p.type}, of which equal values can differ`,
  ),
};
