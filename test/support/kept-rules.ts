import assert from 'node:assert/strict';
import type { Claim, Entity } from '../../src/model/ir/ir.ts';
import { ident } from '../../src/model/ir/names.ts';
import { BIRTH, tableOf } from '../../src/sql/names/apply-names.ts';
import { functionName } from '../../src/sql/ddl/counter-sql.ts';
import type { SteppedSite } from './stepped-site.ts';

/**
 * Asserts what a model's rules promise of every row at a site at any time, whatever it has of the others'. What belonged
 * to a site that is lost is free; and where changes were applied without what they were made over, which is lost, shares
 * that were used can be lost with it.
 *
 * @param lost numbers of the sites that are lost
 */
export async function assertRules(site: SteppedSite, lost: readonly number[]): Promise<void> {
  const free = ['0', ...lost].join();
  for (const entity of site.entities)
    for (const [rule, broken] of rulesOf(entity, { free, bounds: site.members.waived === 0 })) {
      const { rows } = await site.sql.query<{ row: string }>(
        `SELECT to_json(e)::text AS row FROM ${tableOf(entity)} AS e WHERE ${broken}`,
      );
      assert.deepEqual(rows, [], `${entity.name} at ${site.number}: ${rule}`);
    }
}

/** What is promised, and a condition of rows that do not keep it. */
function rulesOf(
  entity: Entity,
  { free, bounds }: { free: string; bounds: boolean },
): [rule: string, broken: string][] {
  const { appendOnly, ownership, claim, columns, counters = [] } = entity;
  const stamps = entity.groups.map(({ stamp }) => `e.${ident(stamp)}`);
  const birth = `e.${BIRTH}`;
  const rules: [string, string | false][] = [
    ['it was changed', appendOnly === true && stamps.map((s) => `${s} <> ${birth}`).join(' OR ')],
    [
      'a site that does not own it changed it',
      ownership?.kind === 'site' &&
        `${birth} & 2047 NOT IN (${free}) AND (${stamps.map((s) => `(${s} # ${birth}) & 2047 <> 0`).join(' OR ')})`,
    ],
    ['its key belongs to another site', claim !== undefined && unclaimed(claim, birth, free)],
    ...columns.map(({ name, derived }): [string, string | false] => [
      `${name} is not what follows from the row`,
      derived !== undefined && `e.${ident(name)} IS DISTINCT FROM (${derived})`,
    ]),
    ...columns.map(({ name, local }): [string, string | false] => [
      `${name} is of another site`,
      local === true && `e.${ident(name)} <> (SELECT number FROM crp.site)`,
    ]),
    ...counters.map((counter): [string, string | false] => [
      `${counter.name} is below the bound`,
      bounds &&
        `${functionName(entity, counter, 'value')}(${entity.key.map((key) => `e.${ident(key)}`).join(', ')}) < ${counter.bound}`,
    ]),
  ];
  return rules.filter((rule): rule is [string, string] => rule[1] !== false);
}

/** That neither the site in a birth nor one that is gone has a range with the key. */
function unclaimed(
  { key, ranges, first, last, owner }: Claim,
  birth: string,
  free: string,
): string {
  return (
    `NOT EXISTS (SELECT FROM ${ident(ranges.schema)}.${ident(ranges.name)} AS r JOIN crp.member AS m ` +
    `ON m.name = r.${ident(owner)} WHERE m.number IN ((${birth} & 2047), ${free}) ` +
    `AND e.${ident(key)} BETWEEN r.${ident(first)} AND r.${ident(last)})`
  );
}
