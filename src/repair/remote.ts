import { AppError } from '../base/errors.ts';
import type { PeerConnection } from '../link/client.ts';
import type { Entity } from '../model/ir/ir.ts';
import { ask } from './answer.ts';
import { fromWire, REPAIR_PATH, toWire, VERIFY_PATH } from './protocol.ts';
import type { BucketDigest, MendOutcome, MendRow, Positions, VerifyRequest } from './protocol.ts';
import type { Key, SiteState } from './state.ts';

/** A row to mend as the caller has it. */
export interface RowToMend {
  key: Key;
  expected: string;
  others: readonly SiteState[];
}

/** One of the sites that are compared: its agent answers, also that of the site where the command runs. */
export class ComparedSite {
  readonly name: string;
  readonly number: number;
  readonly #connection: PeerConnection;
  readonly #models: string;

  /** @param models hash of the installed models; a site with others refuses */
  constructor(site: { name: string; number: number }, connection: PeerConnection, models: string) {
    this.name = site.name;
    this.number = site.number;
    this.#connection = connection;
    this.#models = models;
  }

  /** Rows and hash of every bucket that has rows. */
  async buckets(entity: Entity): Promise<BucketDigest[]> {
    return (await this.#one({ op: 'buckets', entity: entity.name })) as BucketDigest[];
  }

  /** Hash and key of every row of the buckets, a few thousand at a time. */
  keys(entity: Entity, buckets: number[]): AsyncGenerator<[hash: string, ...key: string[]][]> {
    return this.#ask({ op: 'keys', entity: entity.name, buckets }) as AsyncGenerator<
      [string, ...string[]][]
    >;
  }

  /** What the site knows of the keys, in their order. */
  async states(entity: Entity, keys: readonly Key[], values = false): Promise<SiteState[]> {
    const states: SiteState[] = [];
    for await (const value of this.#ask({
      ...{ op: 'states', entity: entity.name, keys: [...keys], values },
    })) {
      states.push({ ...fromWire(value, entity.groups.length), site: this.number });
    }
    if (states.length === keys.length) return states;
    throw new AppError('LINK_PROTOCOL', `"${this.name}" answered for other keys`);
  }

  /** Everything that was visible at the site before the call is at or below these positions. */
  async positions(): Promise<Positions> {
    return (await this.#one({ op: 'positions' })) as Positions;
  }

  /** Waits until the site has applied all of it; false when it has not by then. */
  async reach(positions: Positions, deadline: number): Promise<boolean> {
    do {
      if ((await this.#one({ op: 'reach', positions })) === true) return true;
    } while (performance.now() < deadline);
    return false;
  }

  /** Mends rows at the site; outcomes in their order. */
  async mend(entity: Entity, rows: readonly RowToMend[]): Promise<MendOutcome[]> {
    const body = {
      entity: entity.name,
      rows: rows.map((row): MendRow => ({ ...row, others: row.others.map(toWire) })),
    };
    for await (const outcomes of this.#call(REPAIR_PATH, body)) return outcomes as MendOutcome[];
    throw new AppError('LINK_PROTOCOL', `"${this.name}" did not answer`);
  }

  close(): void {
    this.#connection.close();
  }

  async #one(question: VerifyRequest): Promise<unknown> {
    for await (const value of this.#ask(question)) return value;
    throw new AppError('LINK_PROTOCOL', `"${this.name}" did not answer`);
  }

  #ask(question: VerifyRequest): AsyncGenerator<unknown> {
    return this.#call(VERIFY_PATH, question);
  }

  #call(path: string, body: unknown): AsyncGenerator<unknown> {
    return ask(this.#connection, { path, models: this.#models, body });
  }
}
