/** Diagnostics of names, types, nodes and modules put together. */
import { error } from './diagnostic-kind.ts';

export const SCHEMA_CODES = {
  'module-not-found': error(
    (p: { module: string; revision: string | undefined }) =>
      `module "${p.module}"${p.revision === undefined ? '' : ` of revision ${p.revision}`} is not found`,
  ),
  'not-standalone': error(
    (p: { submodule: string; module: string }) =>
      `"${p.submodule}" is a submodule of "${p.module}" and cannot be loaded on its own`,
  ),
  'wrong-kind-of-module': error(
    (p: { module: string; found: string; expected: string }) =>
      `"${p.module}" is a ${p.found}, not a ${p.expected}`,
  ),
  'wrong-module-name': error(
    (p: { file: string; found: string; expected: string }) =>
      `"${p.file}" holds "${p.found}", not "${p.expected}"`,
  ),
  'wrong-belongs-to': error(
    (p: { submodule: string; belongsTo: string; module: string }) =>
      `submodule "${p.submodule}" belongs to "${p.belongsTo}", not to "${p.module}"`,
  ),
  'import-cycle': error(
    (p: { cycle: string }) => `modules import each other in a circle: ${p.cycle}`,
  ),
  'two-revisions': error(
    (p: { module: string; one: string; other: string }) =>
      `module "${p.module}" would be implemented in two revisions, ${p.one} and ${p.other}`,
  ),
  'duplicate-namespace': error(
    (p: { namespace: string; module: string }) =>
      `namespace "${p.namespace}" is already that of module "${p.module}"`,
  ),
  'duplicate-prefix': error(
    (p: { prefix: string }) => `prefix "${p.prefix}" is already used in this file`,
  ),
  'version-mismatch': error(
    (p: { submodule: string; module: string }) =>
      `submodule "${p.submodule}" and module "${p.module}" have different YANG versions`,
  ),
  'unknown-prefix': error(
    (p: { prefix: string }) => `prefix "${p.prefix}" is not defined in this file`,
  ),
  'unknown-extension': error(
    (p: { prefix: string; name: string; module: string }) =>
      `module "${p.module}" defines no extension "${p.name}"`,
  ),
  'duplicate-definition': error(
    (p: { what: string; name: string }) => `${p.what} "${p.name}" is already defined`,
  ),
  'unknown-reference': error(
    (p: { what: string; name: string }) => `${p.what} "${p.name}" is not defined`,
  ),
  'reference-cycle': error(
    (p: { what: string; cycle: string }) => `${p.what} refers to itself: ${p.cycle}`,
  ),
  'unknown-node': error(
    (p: { name: string; where: string }) => `there is no node "${p.name}" ${p.where}`,
  ),
  'wrong-node-kind': error(
    (p: { statement: string; kind: string; name: string }) =>
      `"${p.statement}" does not fit ${p.kind} "${p.name}"`,
  ),
  'restriction-not-allowed': error(
    (p: { restriction: string; type: string }) =>
      `"${p.restriction}" cannot restrict type ${p.type}`,
  ),
  'restriction-missing': error(
    (p: { restriction: string; type: string }) => `type ${p.type} needs "${p.restriction}"`,
  ),
  'restriction-wider': error(
    (p: { restriction: string; part: string; base: string }) =>
      `${p.restriction} ${p.part} is not within ${p.base}`,
  ),
  'restriction-order': error(
    (p: { restriction: string; part: string }) =>
      `${p.restriction} ${p.part} is not above the part before it`,
  ),
  'enum-not-in-base': error(
    (p: { what: string; name: string; type: string }) =>
      `${p.what} "${p.name}" is not one of type ${p.type}`,
  ),
  'enum-value': error((p: { problem: string }) => p.problem),
  'bad-default': error(
    (p: { value: string; problem: string }) => `default "${p.value}" ${p.problem}`,
  ),
  'default-not-allowed': error((p: { problem: string }) => p.problem),
  'bad-key': error((p: { problem: string }) => p.problem),
  'bad-unique': error((p: { problem: string }) => p.problem),
  'config-under-state': error(
    (p: { name: string }) => `"${p.name}" cannot be "config true" below "config false"`,
  ),
  'min-above-max': error(
    (p: { min: number; max: number }) =>
      `min-elements ${p.min} is greater than max-elements ${p.max}`,
  ),
  'mandatory-augment': error(
    (p: { name: string }) =>
      `a node of another module cannot get the mandatory node "${p.name}" without a condition`,
  ),
  'too-many-nodes': error(
    (p: { limit: number }) => `the schema would have more than ${p.limit} nodes`,
  ),
  'bad-deviation': error((p: { problem: string }) => p.problem),
  'bad-refine': error((p: { problem: string }) => p.problem),
  'bad-path': error((p: { problem: string }) => p.problem),
  'misplaced-operation': error(
    (p: { kind: string; name: string; where: string }) =>
      `${p.kind} "${p.name}" cannot stand ${p.where}`,
  ),
  'status-reference': error(
    (p: { from: string; status: string; to: string; toStatus: string }) =>
      `${p.from} is ${p.status} and cannot refer to ${p.to}, which is ${p.toStatus}`,
  ),
  'status-of-parent': error(
    (p: { name: string; status: string; parent: string }) =>
      `"${p.name}" is ${p.status} below a parent that is ${p.parent}`,
  ),
  'xpath-unknown-node': error(
    (p: { name: string; where: string }) => `XPath: there is no node "${p.name}" ${p.where}`,
  ),
  'xpath-unknown-identity': error(
    (p: { name: string }) => `XPath: there is no identity "${p.name}"`,
  ),
  'path-unknown-node': error(
    (p: { name: string; where: string }) => `path: there is no node "${p.name}" ${p.where}`,
  ),
  'xpath-function': error((p: { problem: string }) => `XPath: ${p.problem}`),
  'when-loop': error(
    (p: { cycle: string }) => `conditions of "when" depend on each other: ${p.cycle}`,
  ),
};
