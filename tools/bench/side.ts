import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../../src/postgres/connect.ts';
import type { Servers } from './servers.ts';

/** With what Syncline is compared. */
export const PEERS = ['native', 'pglogical', 'bucardo'] as const;
export type Peer = (typeof PEERS)[number];

/** Whether only A is written to, and a side need not replicate to it. Syncline always does. */
export type Mode = 'one-way' | 'two-way';

/** What a side is started for. */
export interface Work {
  mode: Mode;
  /** The link will be taken down. Only where it will be need something stand between the sites. */
  cuttable: boolean;
}

/** One of those that are compared: how its replication from A to B is started and disturbed. */
export interface Side {
  readonly name: 'syncline' | Peer;
  /** Name of the databases on both servers of which each run has copies. */
  readonly template: string;
  /** Starts replication between the two databases of this name; settles when it is live. */
  start(database: string, work: Work): Promise<void>;
  /** The sites stop talking to each other; what runs at each site goes on. */
  linkDown(): Promise<void>;
  /** Settles when a link that comes up would be used at once: no side waits for a timer of its own. */
  linkAwaited(): Promise<void>;
  linkUp(): Promise<void>;
  /** Everything that replicates is ended, and started again. */
  processesDown(): Promise<void>;
  processesUp(): Promise<void>;
  /** The processes whose memory counts: agents, but not servers. */
  processes(): number[];
  /** CPU seconds of each agent since it was started. */
  cpu(): number[];
  /** Ends replication and removes its slots. */
  stop(): Promise<void>;
  /** Ends every process that the side started, whatever its state. */
  remove(): Promise<void>;
}

/** Times that databases were made, for their names. */
let opened = 0;

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/**
 * A timer cannot be set for less than a millisecond, and who asks without a pause keeps a core busy that those who
 * are measured need.
 */
async function pause(ms: number): Promise<void> {
  if (ms < 1) Atomics.wait(NEVER, 0, 0, ms);
  else await delay(ms);
}

/** What a measurement works on: one side's two databases, and a session in each. */
export class Bench {
  readonly servers: Servers;
  readonly database: string;
  readonly side: Side;
  readonly a: Client;
  readonly b: Client;
  /** Tells the person who waits. */
  readonly note: (text: string) => void;
  /** Longest wait for the other site, whatever is measured. */
  readonly limitMs: number;
  #mark = 0;

  private constructor(
    side: Side,
    servers: Servers,
    parts: Pick<Bench, 'database' | 'a' | 'b' | 'note' | 'limitMs'>,
  ) {
    this.side = side;
    this.servers = servers;
    this.database = parts.database;
    this.a = parts.a;
    this.b = parts.b;
    this.limitMs = parts.limitMs;
    this.note = (text) => parts.note(`${side.name}: ${text}`);
  }

  /** Fresh databases at both sites, with replication live. */
  static async open(
    side: Side,
    servers: Servers,
    options: { note: (text: string) => void; limitMs: number } & Partial<Work>,
  ): Promise<Bench> {
    opened += 1;
    const database = `run_${side.name}_${opened}`;
    for (const server of [servers.a, servers.b]) {
      await server.copy(side.template, database);
    }
    const { mode = 'one-way', cuttable = false } = options;
    await side.start(database, { mode, cuttable });
    const a = await connect(servers.a.dsn(database), 'bench a');
    const b = await connect(servers.b.dsn(database), 'bench b');
    return new Bench(side, servers, { ...options, database, a, b });
  }

  async close(): Promise<void> {
    await this.a.end();
    await this.b.end();
    await this.side.stop();
    for (const server of [this.servers.a, this.servers.b]) await server.drop(this.database);
  }

  /** Commits a change at A that no other transaction makes. All that committed before is at B when it is. */
  writeMark(): Promise<string> {
    return this.#writeMark(this.a, 1);
  }

  /** Settles when B shows the mark; asks every `everyMs`. */
  seen(mark: string, everyMs: number): Promise<void> {
    return this.#seen(this.b, { address: 1, mark, everyMs });
  }

  /** Settles when everything that is committed at A is at B. */
  async caughtUp(): Promise<void> {
    await this.seen(await this.writeMark(), 5);
  }

  /** Settles when everything that is committed at either site is at the other. */
  async bothCaughtUp(): Promise<void> {
    const atA = await this.#writeMark(this.a, 1);
    const atB = await this.#writeMark(this.b, 2);
    await this.#seen(this.b, { address: 1, mark: atA, everyMs: 5 });
    await this.#seen(this.a, { address: 2, mark: atB, everyMs: 5 });
  }

  async #writeMark(client: Client, address: number): Promise<string> {
    this.#mark += 1;
    const mark = `mark-${this.#mark}`;
    const text = 'UPDATE leases.lease SET hostname = $1 WHERE address = $2';
    await client.query({ name: 'write-mark', text, values: [mark, address] });
    return mark;
  }

  async #seen(
    client: Client,
    wanted: { address: number; mark: string; everyMs: number },
  ): Promise<void> {
    const text = 'SELECT hostname FROM leases.lease WHERE address = $1';
    const query = { name: 'mark', text, values: [wanted.address] };
    const end = Date.now() + this.limitMs;
    for (;;) {
      const { rows } = await client.query<{ hostname: string }>(query);
      if (rows[0]?.hostname === wanted.mark) return;
      if (Date.now() > end) {
        const site = client === this.b ? 'B' : 'A';
        throw new Error(`${this.side.name}: ${site} has not got all in ${this.limitMs} ms`);
      }
      await pause(wanted.everyMs);
    }
  }

  /** @throws Error when the two sites differ */
  async verify(): Promise<void> {
    const text = `SELECT count(*) || ' ' || sum(hashtextextended(l::text, 0)::numeric) AS state
      FROM leases.lease AS l`;
    const [one, other] = await Promise.all(
      [this.a, this.b].map(async (client) => (await client.query<{ state: string }>(text)).rows[0]),
    );
    if (one!.state !== other!.state) {
      throw new Error(`${this.side.name}: the sites differ: ${one!.state}, ${other!.state}`);
    }
  }
}
