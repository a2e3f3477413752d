import type { Entity, Model } from '../../src/model/ir/ir.ts';
import { Mender } from '../../src/repair/mend.ts';
import { toWire } from '../../src/repair/protocol.ts';
import type { BucketDigest, MendOutcome, Positions } from '../../src/repair/protocol.ts';
import { readBuckets, readKeys, readStates, withSnapshot } from '../../src/repair/read-rows.ts';
import type { ComparedSite, RowToMend } from '../../src/repair/remote.ts';
import type { Key, SiteState } from '../../src/repair/state.ts';
import { STEPPED } from './stepped-members.ts';
import type { SteppedSite } from './stepped-site.ts';

/** A site as `syncline verify` asks it, without the link. Nothing is under way when it is asked. */
export function comparedSite(site: SteppedSite, model: Model): ComparedSite {
  return new InProcess(site, model) as unknown as ComparedSite;
}

class InProcess {
  readonly name: string;
  readonly number: number;
  readonly #dsn: string;
  readonly #models: readonly Model[];
  readonly #mender: Mender;

  constructor({ number, dsn }: SteppedSite, model: Model) {
    this.number = number;
    this.name = STEPPED.get(number)!;
    this.#dsn = dsn;
    this.#models = [model];
    this.#mender = new Mender({
      ...{ dsn, models: this.#models, site: { number, name: `${model.name}_${number}` } },
      siteName: (one) => STEPPED.get(one) ?? String(one),
    });
  }

  buckets(entity: Entity): Promise<BucketDigest[]> {
    return withSnapshot(this.#dsn, this.#models, (client) => readBuckets(client, entity));
  }

  async *keys(entity: Entity, buckets: number[]): AsyncGenerator<[string, ...string[]][]> {
    const parts: [string, ...string[]][][] = [];
    await withSnapshot(this.#dsn, this.#models, async (client) => {
      for await (const rows of readKeys(client, entity, buckets)) parts.push(rows);
    });
    yield* parts;
  }

  states(entity: Entity, keys: readonly Key[], values = false): Promise<SiteState[]> {
    const query = { site: this.number, keys: [...keys], values };
    return withSnapshot(this.#dsn, this.#models, (client) => readStates(client, entity, query));
  }

  positions(): Promise<Positions> {
    return Promise.resolve([]);
  }

  reach(): Promise<boolean> {
    return Promise.resolve(true);
  }

  mend(entity: Entity, rows: readonly RowToMend[]): Promise<MendOutcome[]> {
    const wired = rows.map((row) => ({ ...row, others: row.others.map(toWire) }));
    return this.#mender.mend(entity, wired);
  }
}
