import type { SimDatabase } from './database.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';

/** One SQL statement of a service. It does nothing where the row is not as it needs. */
export interface Statement {
  op: 'insert' | 'update' | 'delete' | 'rekey';
  entity: number;
  key: number;
  /** Of `rekey`: the new key. */
  to: number;
  /** Of `update`: bit n is set if group n is written. */
  groups: number;
  /** What values are derived from. */
  value: number;
}

export interface ServiceContext {
  site: number;
  model: readonly SimEntity[];
  database: SimDatabase;
  /** µs since 2020 by this server's clock. */
  clock: bigint;
  /** Everything with a stamp up to this one is stable. */
  stable: bigint;
  planted: Planted | undefined;
}
