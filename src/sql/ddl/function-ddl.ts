import type { Entity, Model } from '../../model/ir/ir.ts';
import type { SqlName } from '../../model/ir/names.ts';
import { dollarQuote, ident, inFormat } from '../../model/ir/names.ts';
import { literal } from './catalog-ddl.ts';

/** A function that decides between values (`crp:sql-function`), and the type of its arguments and result. */
interface Asked extends SqlName {
  type: string;
}

function functionsOf(entity: Entity): Asked[] {
  return entity.groups.flatMap(({ columns, methods = [] }) =>
    methods.flatMap((method) => {
      if (method.function === undefined) return [];
      const { type } = entity.columns.find((column) => column.name === columns[0])!;
      return [{ ...method.function, type: columns.length === 1 ? type : 'jsonb' }];
    }),
  );
}

function signature({ schema, name, type }: Asked): string {
  return `${ident(schema)}.${ident(name)}(${type}, ${type}, ${type})`;
}

/**
 * Statements that refuse a model whose functions are not there, return something else, or may return
 * different results at two sites.
 */
export function functionChecks(entity: Entity): string[] {
  return functionsOf(entity).map((asked) => {
    const text = literal(signature(asked));
    const refuse = (condition: string, what: string, code: string): string =>
      `  IF ${condition} THEN RAISE EXCEPTION 'entity "${inFormat(entity.name)}": function ${inFormat(signature(asked))} ${what}'\n` +
      `    USING ERRCODE = '${code}', HINT = 'Create it in the database first, at every site the same: ` +
      `its arguments are the value that the change was made over, the current and the incoming one.'; END IF;\n`;
    const body =
      ` DECLARE f regprocedure := to_regprocedure(${text}); BEGIN\n` +
      refuse('f IS NULL', 'does not exist', 'undefined_function') +
      refuse(
        `(SELECT prorettype <> ${literal(asked.type)}::regtype FROM pg_proc WHERE oid = f)`,
        `does not return ${asked.type}`,
        'invalid_function_definition',
      ) +
      refuse(
        `(SELECT provolatile <> 'i' FROM pg_proc WHERE oid = f)`,
        'is not IMMUTABLE',
        'invalid_function_definition',
      ) +
      'END ';
    return `DO ${dollarQuote(body)}`;
  });
}

/** The agent's rights on the functions: apply calls them. */
export function functionGrants(role: string, model: Model): string[] {
  return model.entities
    .flatMap(functionsOf)
    .flatMap((asked) => [
      `GRANT USAGE ON SCHEMA ${ident(asked.schema)} TO ${ident(role)}`,
      `GRANT EXECUTE ON FUNCTION ${signature(asked)} TO ${ident(role)}`,
    ]);
}
