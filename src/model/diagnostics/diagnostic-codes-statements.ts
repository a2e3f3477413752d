/** CRP1xx: place, number, argument and references of `common-replication` statements. */
import { error } from './diagnostic-kind.ts';

export const STATEMENT_CODES = {
  'misplaced-crp': error(
    101,
    (p: { statement: string; parent: string }) =>
      `"crp:${p.statement}" is not allowed in "${p.parent}"`,
  ),
  'repeated-crp': error(
    102,
    (p: { statement: string; parent: string }) =>
      `"crp:${p.statement}" occurs more than once in "${p.parent}"`,
  ),
  'missing-crp': error(
    103,
    (p: { statement: string; parent: string }) => `"${p.parent}" has no "crp:${p.statement}"`,
  ),
  'bad-crp-argument': error(
    104,
    (p: { statement: string; argument: string }) =>
      `"${p.argument}" is not a valid argument of "crp:${p.statement}"`,
  ),
  'crp-does-not-fit': error(
    105,
    (p: { statement: string; reason: string }) => `"crp:${p.statement}" does not fit: ${p.reason}`,
  ),
  'crp-in-change': error(
    106,
    (p: { statement: string; parent: string }) =>
      `"crp:${p.statement}" has no defined meaning in "${p.parent}"`,
  ),
  'unknown-method': error(107, (p: { name: string }) => `"${p.name}" is not a resolution method`),
  'unknown-group': error(
    108,
    (p: { group: string; entity: string }) =>
      `entity "${p.entity}" has no column group "${p.group}"`,
  ),
  'unknown-path': error(
    109,
    (p: { path: string; where: string }) => `there is no leaf "${p.path}" in ${p.where}`,
  ),
  'duplicate-crp-name': error(
    110,
    (p: { what: string; name: string }) => `${p.what} "${p.name}" is already defined`,
  ),
  unavailable: error(111, (p: { what: string }) => `${p.what} is not available in this version`),
  'unknown-target': error(112, (p: { path: string }) => `there is no node "${p.path}"`),
  'no-service': error(
    113,
    (p: { module: string }) => `module "${p.module}" has data but no "crp:service"`,
  ),
  'no-entity': error(114, (p: { module: string }) => `model "${p.module}" has no entity`),
  'no-model': error(115, () => 'none of the modules has a "crp:service"'),
};
