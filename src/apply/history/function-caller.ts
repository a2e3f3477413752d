import type { Client } from 'pg';
import type { Asking } from '../../merge/decide.ts';
import type { FunctionCall, Value } from '../../merge/types.ts';
import { literal } from '../../sql/ddl/catalog-ddl.ts';

/** Results that are kept: replays ask the same again. */
const MAX_KEPT = 1000;
/** Classes of SQLSTATE that are the function's own doing (PostgreSQL manual, Appendix A). */
const OWN_FAILURE = /^(22|23|2F|38|39|P0)/;

/**
 * Calls the SQL functions of a model (`crp:sql-function`) in the session's transaction. They are IMMUTABLE,
 * so every site gets the same result for the same values. A function that fails by what it does itself cannot
 * decide: NULL.
 */
export class FunctionCaller {
  readonly #client: Client;
  readonly #kept = new Map<string, Value>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Runs to the end what asks for results of functions. @throws the database's error that has to do with other things */
  async run<T>(steps: Asking<T>): Promise<T> {
    let step = steps.next();
    while (step.done !== true) step = steps.next(await this.#result(step.value));
    return step.value;
  }

  async #result(call: FunctionCall): Promise<Value> {
    const token = JSON.stringify(call);
    const kept = this.#kept.get(token);
    if (kept !== undefined) return kept;
    const result = await this.#call(call);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(token, result);
    return result;
  }

  async #call(call: FunctionCall): Promise<Value> {
    const { base, current, incoming } = call;
    const text = `SELECT ${resultOf(call)} AS v FROM (SELECT ${calling(call)}) AS f (v)`;
    await this.#client.query('SAVEPOINT crp_function');
    try {
      const values = [base, current, incoming];
      const { rows } = await this.#client.query<{ v: string | null }>(text, values);
      await this.#client.query('RELEASE SAVEPOINT crp_function');
      return rows[0]?.v ?? null;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (typeof code !== 'string' || !OWN_FAILURE.test(code)) throw error;
      await this.#client.query(
        'ROLLBACK TO SAVEPOINT crp_function; RELEASE SAVEPOINT crp_function',
      );
      return null;
    }
  }
}

function calling({ name, type }: FunctionCall): string {
  return `${name}($1::${type}, $2::${type}, $3::${type})`;
}

/** The result as text; of several columns each in its type's form. What it leaves out keeps the current value. */
function resultOf({ columns }: FunctionCall): string {
  if (columns === undefined) return 'f.v::text';
  const values = columns.map(
    ({ name, type }) => `((($2::jsonb || f.v) ->> ${literal(name)})::${type})::text`,
  );
  return `CASE WHEN jsonb_typeof(f.v) = 'object' THEN json_build_array(${values.join(', ')})::text END`;
}
