import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Client, DatabaseError } from 'pg';
import { compileModels } from '../../src/model/compile.ts';
import type { Model } from '../../src/model/ir/ir.ts';
import { SEARCH_PATH } from './model-text.ts';
import { ROOT } from './root.ts';

const FILE = join(ROOT, 'models/prepaid/common-prepaid.yang');

/** The shipped model of prepaid accounts. */
export function prepaidModel(): Model {
  const { models, diagnostics } = compileModels({
    files: [FILE],
    searchPath: [...SEARCH_PATH, join(FILE, '..')],
  });
  assert.deepEqual(diagnostics, []);
  return models[0]!;
}

/** The balances' functions for one account, from one session. */
export class Account {
  readonly id: string;
  readonly #sql: Client;

  constructor(sql: Client, id: string) {
    this.#sql = sql;
    this.id = id;
  }

  async open(): Promise<void> {
    await this.#sql.query(`INSERT INTO charging.account (id, currency) VALUES ($1, 'EUR')`, [
      this.id,
    ]);
  }

  async close(): Promise<void> {
    await this.#sql.query('DELETE FROM charging.account WHERE id = $1', [this.id]);
  }

  add(amount: number | string): Promise<number> {
    return this.#call('add', amount);
  }

  take(amount: number | string): Promise<number> {
    return this.#call('take', amount);
  }

  give(site: string, amount: number | string): Promise<number> {
    return this.#call('give', site, amount);
  }

  share(): Promise<number> {
    return this.#call('share');
  }

  value(): Promise<number> {
    return this.#call('value');
  }

  async #call(verb: string, ...rest: (number | string)[]): Promise<number> {
    const parameters = ['$1', ...rest.map((_, index) => `$${index + 2}`)].join(', ');
    const { rows } = await this.#sql.query<{ v: string | null }>(
      `SELECT charging.account_balance_${verb}(${parameters}) AS v`,
      [this.id, ...rest],
    );
    return Number(rows[0]!.v ?? Number.NaN);
  }
}

/** The error of a call that has to be refused. */
export async function refusalOf(call: Promise<unknown>): Promise<DatabaseError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason as DatabaseError,
  );
  assert.ok(error !== undefined, 'it was not refused');
  return error;
}
