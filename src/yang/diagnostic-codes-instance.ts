/** Diagnostics of instance data in JSON (RFC 7951), checked against a schema. */
import { error } from './diagnostic-kind.ts';

export const INSTANCE_CODES = {
  'json-syntax': error((p: { problem: string }) => `JSON: ${p.problem}`),
  'json-type': error(
    (p: { path: string; found: string; expected: string }) =>
      `${p.path} is ${p.found} where ${p.expected} is expected`,
  ),
  'unknown-member': error(
    (p: { name: string; path: string }) => `the schema has no node "${p.name}" in ${p.path}`,
  ),
  'unqualified-member': error(
    (p: { name: string; path: string }) => `"${p.name}" in ${p.path} needs its module's name`,
  ),
  'unknown-annotation': error(
    (p: { name: string; path: string }) =>
      `"${p.name}" at ${p.path} is not an annotation that is defined`,
  ),
  'invalid-value': error(
    (p: { path: string; value: string; problem: string }) => `${p.path}: "${p.value}" ${p.problem}`,
  ),
  'missing-key': error(
    (p: { path: string; key: string }) => `an entry of ${p.path} has no key "${p.key}"`,
  ),
  'duplicate-entry': error((p: { path: string }) => `${p.path} occurs more than once`),
  'missing-node': error(
    (p: { name: string; path: string }) => `mandatory node "${p.name}" is missing in ${p.path}`,
  ),
  'missing-choice': error(
    (p: { name: string; path: string }) =>
      `no case of the mandatory choice "${p.name}" is in ${p.path}`,
  ),
  'two-cases': error(
    (p: { choice: string; one: string; other: string; path: string }) =>
      `"${p.one}" and "${p.other}" in ${p.path} are of different cases of choice "${p.choice}"`,
  ),
  'too-few-elements': error(
    (p: { path: string; count: number; min: number }) =>
      `${p.path} has ${p.count} entries and needs at least ${p.min}`,
  ),
  'too-many-elements': error(
    (p: { path: string; count: number; max: number }) =>
      `${p.path} has ${p.count} entries and may have ${p.max}`,
  ),
  'not-unique': error(
    (p: { path: string; leafs: string }) => `${p.path} has the same "${p.leafs}" as another entry`,
  ),
  'must-violation': error((p: { path: string; message: string }) => `${p.path}: ${p.message}`),
  'when-violation': error(
    (p: { path: string; condition: string }) => `${p.path} may only exist when ${p.condition}`,
  ),
  'instance-required': error(
    (p: { path: string; value: string; target: string }) =>
      `${p.path}: "${p.value}" is not the value of any ${p.target}`,
  ),
  'state-data': error((p: { path: string }) => `${p.path} is state data and not expected here`),
};
