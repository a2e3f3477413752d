import type { Client } from 'pg';
import { connect } from '../../src/postgres/connect.ts';
import type { Group } from './write-ledger.ts';
import { WriteLedger } from './write-ledger.ts';

/** One in so many transactions writes a row that the other site writes too. */
const CONFLICT_EVERY = 100;
/** Rows that both sites write: few, so that each is written again and again. */
const SHARED = 50;
/** The first address after the two marks. */
const FIRST = 3;
/** Most tries for one write: a row that is replaced meanwhile is not found by an UPDATE. */
const MAX_TRIES = 100;

const SQL: Record<Group, string> = {
  binding: `UPDATE leases.lease SET state = $2::integer, expire = now() + interval '1 hour'
    WHERE address = $1`,
  name: 'UPDATE leases.lease SET hostname = $2 WHERE address = $1',
};

export interface TwoWayLoad {
  /** Connection strings of the two sites' databases. */
  dsns: readonly [string, string];
  /** Rows of the table. */
  rows: number;
  /** Transactions at each site. */
  transactions: number;
  /** Connections at each site. */
  clients: number;
}

/**
 * Writes at both sites at full speed: leases renewed and renamed, each site its own, and 1 % of the
 * transactions a lease that the other site writes at that moment, or right after. Half of those change the
 * same columns at both sites, half different ones.
 *
 * @returns what was acknowledged
 */
export async function writeAtBoth(load: TwoWayLoad): Promise<WriteLedger> {
  const ledger = new WriteLedger();
  const counter = { value: 0 };
  const pairs = Array.from({ length: load.clients }, async (_, index) => {
    const writers = await Promise.all(
      load.dsns.map(async (dsn) => new Writer(await connect(dsn, 'bench load'), ledger, counter)),
    );
    try {
      await writePair(writers as [Writer, Writer], ownRows(load, index), load);
    } finally {
      for (const writer of writers) await writer.end();
    }
  });
  await Promise.all(pairs);
  return ledger;
}

interface Range {
  first: number;
  count: number;
}

/** Rows that only this connection writes, one range for each site. */
function ownRows(load: TwoWayLoad, index: number): [Range, Range] {
  const begin = FIRST + SHARED;
  const count = Math.floor((load.rows - begin + 1) / (2 * load.clients));
  return [
    { first: begin + 2 * index * count, count },
    { first: begin + (2 * index + 1) * count, count },
  ];
}

/** One connection at each site. They meet for every conflict, so that there is one. */
async function writePair(
  writers: [Writer, Writer],
  own: [Range, Range],
  load: TwoWayLoad,
): Promise<void> {
  const each = Math.ceil(load.transactions / load.clients);
  for (let done = 0; done < each; done += CONFLICT_EVERY) {
    const alone = Math.min(CONFLICT_EVERY, each - done) - 1;
    await Promise.all(
      writers.map(async (writer, site) => {
        for (let left = alone; left > 0; left--)
          await writer.write(drawOf(own[site]!), drawGroup());
      }),
    );
    await conflict(writers);
  }
}

/** Both write one lease: at once, or one as soon as the other's write is acknowledged. */
async function conflict(writers: [Writer, Writer]): Promise<void> {
  const address = drawOf({ first: FIRST, count: SHARED });
  const group = drawGroup();
  const other = Math.random() < 0.5 ? group : group === 'name' ? 'binding' : 'name';
  const [one, two] = Math.random() < 0.5 ? writers : ([writers[1], writers[0]] as const);
  const first = one.write(address, group);
  if (Math.random() < 0.5) await first;
  await Promise.all([first, two.write(address, other)]);
}

function drawOf({ first, count }: Range): number {
  return first + Math.floor(Math.random() * count);
}

function drawGroup(): Group {
  return Math.random() < 0.5 ? 'binding' : 'name';
}

/** A service's session that notes what was acknowledged. */
class Writer {
  readonly #client: Client;
  readonly #ledger: WriteLedger;
  readonly #counter: { value: number };

  constructor(client: Client, ledger: WriteLedger, counter: { value: number }) {
    this.#client = client;
    this.#ledger = ledger;
    this.#counter = counter;
  }

  /** @throws Error when the row stays away */
  async write(address: number, group: Group): Promise<void> {
    this.#counter.value += 1;
    const value = group === 'name' ? `w-${this.#counter.value}` : String(this.#counter.value);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const began = performance.now();
      const values = [address, value];
      const { rowCount } = await this.#client.query({ name: group, text: SQL[group], values });
      // Replication that deletes and inserts instead of updating: nothing was changed, so it is tried again.
      if (rowCount === 0) continue;
      this.#ledger.add({ address, group, value, began, acknowledged: performance.now() });
      return;
    }
    throw new Error(`row ${address} was not there in ${MAX_TRIES} tries to change it`);
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}
