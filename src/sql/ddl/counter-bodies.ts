/**
 * Bodies of the functions that write a counter with a bound. Every one that makes the share smaller first
 * writes the site's own row of what was used, even when it adds 0 to it: of two sessions the second waits for
 * the first and then sees what it did; at REPEATABLE READ, where it would not see it, PostgreSQL ends it with
 * 40001. What was written is computed, and taken back by the error if the share was too small.
 *
 * The row that the counter is of is locked FOR KEY SHARE: it cannot be deleted meanwhile, and may be changed.
 */
import type { Entity } from '../../model/ir/ir.ts';
import { ident, inFormat, inLiteral } from '../../model/ir/names.ts';
import { BIRTH, columnList, tableOf } from '../names/apply-names.ts';
import type { CounterPlace } from './counter-sql.ts';
import { functionName, shareSql, totalSql } from './counter-sql.ts';

/** SQLSTATE of a share that is too small, in a class that the standard leaves to implementations. */
export const SHARE_TOO_SMALL = 'CRP01';

/** Local variables; no column has a name like these. */
const LIFE = '_crp_life';
const SHARE = '_crp_share';
const TOTAL = '_crp_total';
const PEER = '_crp_peer';

/** `_add`: the site gives itself what was not there before. */
export function addBody(place: CounterPlace): string {
  const { right, site } = place;
  const amount = `$${place.entity.key.length + 1}`;
  return `${begin(place, amount)}
  ${grow(right, { values: [LIFE, site, site], amount })}
  RETURN ${shareSql(place, LIFE)};
END`;
}

/** `_take`: the site uses up a part of its share. */
export function takeBody(place: CounterPlace): string {
  const { used, site } = place;
  const amount = `$${place.entity.key.length + 1}`;
  return `${begin(place, amount)}
  ${grow(used, { values: [LIFE, site], amount })}
${check(place, { amount, verb: 'take', before: `${TOTAL} + ${amount}` })}
  RETURN ${SHARE};
END`;
}

/** `_give`: a part of the site's share becomes another site's. */
export function giveBody(place: CounterPlace): string {
  const { right, used, site, entity } = place;
  const peer = `$${entity.key.length + 1}`;
  const amount = `$${entity.key.length + 2}`;
  return `${begin(place, amount)}
  SELECT m.number INTO ${PEER} FROM crp.member AS m
    WHERE m.name = ${peer} AND m.number <> ${site} AND m.state IN ('joining', 'active');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no other site "%" in the group', ${peer}
      USING ERRCODE = 'invalid_parameter_value', HINT = '"syncline status" lists the sites.';
  END IF;
  ${grow(used, { values: [LIFE, site], amount: '0' })}
  ${grow(right, { values: [LIFE, site, PEER], amount })}
${check(place, { amount, verb: 'give', before: TOTAL })}
  RETURN ${SHARE};
END`;
}

/** Checks the amount and finds the incarnation of the row. NaN is greater than Infinity in PostgreSQL. */
function begin({ entity, counter }: CounterPlace, amount: string): string {
  const key = entity.key.map((name, index) => `a.${ident(name)} = $${index + 1}`).join(' AND ');
  const { scale } = counter;
  return `DECLARE
  ${LIFE} bigint;
  ${PEER} integer;
  ${SHARE} numeric;
  ${TOTAL} numeric;
BEGIN
  IF (${amount} > 0 AND ${amount} < 'Infinity' AND round(${amount}, ${scale}) = ${amount}) IS NOT TRUE THEN
    RAISE EXCEPTION 'the amount % is not a number above 0 with at most ${scale} digits after the point', ${amount}
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT a.${BIRTH} INTO ${LIFE} FROM ${tableOf(entity)} AS a WHERE ${key} FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no row (%) in "${inFormat(entity.table.name)}"', ${keyText(entity)} USING ERRCODE = 'no_data_found';
  END IF;`;
}

function keyText(entity: Entity): string {
  return `concat_ws(', ', ${entity.key.map((_, index) => `$${index + 1}`).join(', ')})`;
}

/** Adds to the amount of the site's own row, making the row if it is not there. Uses the primary key. */
function grow(of: Entity, row: { values: (string | number)[]; amount: string }): string {
  const keys = of.key.slice(0, of.key.indexOf('incarnation')).map((_, index) => `$${index + 1}`);
  const values = [...keys, ...row.values, row.amount].join(', ');
  const list = columnList(of.key);
  return (
    `INSERT INTO ${tableOf(of)} AS x (${list}, amount) VALUES (${values})\n` +
    `    ON CONFLICT (${list}) DO UPDATE SET amount = x.amount + excluded.amount;`
  );
}

/** Refuses when the share, after what was just written, is below 0. */
function check(
  place: CounterPlace,
  { amount, verb, before }: { amount: string; verb: string; before: string },
): string {
  const { entity, counter } = place;
  const give = inLiteral(functionName(entity, counter, 'give').replaceAll('"', ''));
  return `  ${SHARE} := ${shareSql(place, LIFE)};
  IF ${SHARE} < 0 THEN
    ${TOTAL} := ${totalSql(place, LIFE)};
    RAISE EXCEPTION 'the share of site "%" in ${counter.name} of (%) is %: too small to ${verb} %',
      (SELECT s.name FROM crp.site AS s), ${keyText(entity)}, ${SHARE} + ${amount}, ${amount}
      USING ERRCODE = '${SHARE_TOO_SMALL}',
        DETAIL = format('All sites together have %s above the bound, as far as this one knows.', ${before}),
        HINT = CASE WHEN ${before} >= ${amount}
          THEN 'Another site can pass some of its share on: ${give}(...)'
          ELSE 'There is not that much.' END;
  END IF;`;
}
