/** Functions of counters with a bound; what they compute is in counter-sql.ts. */
import type { Entity, Model } from '../../model/ir/ir.ts';
import { dollarQuote, ident } from '../../model/ir/names.ts';
import { BIRTH, tableOf } from '../names/apply-names.ts';
import { addBody, giveBody, takeBody } from './counter-bodies.ts';
import type { CounterPlace } from './counter-sql.ts';
import { functionName, shareSql, totalSql } from './counter-sql.ts';

/** Statements that make the functions of an entity's counters; none for most. */
export function counterDdl(
  model: Model,
  { entity, site }: { entity: Entity; site: number },
): string[] {
  const find = (name: string): Entity => model.entities.find((one) => one.name === name)!;
  return (entity.counters ?? []).flatMap((counter) => {
    const { right, used } = counter;
    const place = { entity, counter, right: find(right), used: find(used), site };
    return [
      ...writing(place, 'add', ['amount numeric'], addBody(place)),
      ...writing(place, 'take', ['amount numeric'], takeBody(place)),
      ...writing(place, 'give', ['site text', 'amount numeric'], giveBody(place)),
      reading(place, 'share', shareSql(place, `a.${BIRTH}`)),
      reading(place, 'value', `${counter.bound} + ${totalSql(place, `a.${BIRTH}`)}`),
    ];
  });
}

/** Rights of a service's role to call the functions; the reading ones everybody may call. */
export function counterGrants(role: string, model: Model): string[] {
  return model.entities.flatMap((entity) =>
    (entity.counters ?? []).flatMap((counter) =>
      ['add', 'take', 'give'].map(
        (verb) =>
          `GRANT EXECUTE ON FUNCTION ${functionName(entity, counter, verb)} TO ${ident(role)}`,
      ),
    ),
  );
}

/** The key columns as parameters, $1 and on. */
function keyParameters({ entity }: CounterPlace): string[] {
  return entity.key.map((key) => {
    const { type } = entity.columns.find((column) => column.name === key)!;
    return `${ident(key)} ${type}`;
  });
}

/**
 * A function that writes: it runs as the owner of the tables, and nobody may call it who was not given the
 * right. A parameter may be called like a column: columns count, and bodies use the numbers of parameters.
 */
function writing(place: CounterPlace, verb: string, rest: string[], body: string): string[] {
  const name = functionName(place.entity, place.counter, verb);
  return [
    `CREATE OR REPLACE FUNCTION ${name}(${[...keyParameters(place), ...rest].join(', ')}) ` +
      'RETURNS numeric LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ' +
      `AS ${dollarQuote(`\n#variable_conflict use_column\n${body}\n`)}`,
    `REVOKE EXECUTE ON FUNCTION ${name} FROM PUBLIC`,
  ];
}

/** A function that reads with the caller's rights; NULL when there is no such row. */
function reading(place: CounterPlace, verb: string, expression: string): string {
  const { entity, counter } = place;
  const key = entity.key.map((name, index) => `a.${ident(name)} = $${index + 1}`).join(' AND ');
  return (
    `CREATE OR REPLACE FUNCTION ${functionName(entity, counter, verb)}(${keyParameters(place).join(', ')}) ` +
    'RETURNS numeric LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp ' +
    `AS ${dollarQuote(`\nSELECT ${expression}\nFROM ${tableOf(entity)} AS a WHERE ${key}\n`)}`
  );
}
