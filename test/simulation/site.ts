import { agreedPosition } from '../../src/site/members/departed.ts';
import { Extents, stated } from '../../src/site/members/extent.ts';
import type { Statement } from '../../src/site/members/extent.ts';
import { RemovalPlan } from '../../src/site/members/removal-plan.ts';
import type { SiteView } from '../../src/site/members/stability.ts';
import type { Stability } from '../../src/site/members/stability.ts';
import { greatest } from '../../src/merge/stamps.ts';
import { SimAgent } from './agent.ts';
import { SimDatabase } from './database.ts';
import type { DatabaseState } from './database.ts';
import { SimJournal } from './journal.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';

/** As src/site/database/catalog.ts has them, in the order in which they follow each other. */
export const STATES = ['invited', 'joining', 'active', 'left'] as const;
export type MemberState = (typeof STATES)[number];

/** What another site said when it was last heard of. */
interface Heard {
  /** Up to where it has each origin on disk in its database. */
  knows: ReadonlyMap<number, bigint>;
  /** Up to where it has this site's batches on disk in its journal. */
  durable: bigint;
  /** What it said of its journal. */
  statement: Statement;
}

export interface SiteOptions {
  number: number;
  model: readonly SimEntity[];
  planted: Planted | undefined;
  /** µs by which its clock is off. */
  offset: number;
  members: ReadonlyMap<number, MemberState>;
  /** What a base copy gave it. */
  state?: DatabaseState;
}

/** A site: a database, an agent, and what the agent knows of the group. */
export class Site {
  readonly number: number;
  readonly database: SimDatabase;
  readonly agent: SimAgent;
  /** µs by which its clock is off. */
  offset: number;
  /** Number of marks that it has set, see src/site/members/marks.ts. */
  marks = 0;
  /** What it wants to trim, while that is not known to be stable. */
  run: { upTo: bigint; stability: Stability } | undefined;
  /** Which rows it may remove that are over. */
  removal = new RemovalPlan();
  /** `crp.member` of this site; itself too. */
  readonly members: Map<number, MemberState>;
  readonly #planted: Planted | undefined;
  readonly heard = new Map<number, Heard>();
  #extents = new Extents();
  /** Sites that may get a base copy here, all others being told; and what was here then. */
  readonly admitted = new Map<number, ReadonlyMap<number, bigint>>();
  /** It is about to leave: its writers are stopped at an end of the WAL, and these members take what is here. */
  leaving: { takers: readonly number[]; end: number } | undefined;

  constructor(options: SiteOptions) {
    const { number, model, planted, state } = options;
    this.number = number;
    this.offset = options.offset;
    this.#planted = planted;
    this.members = new Map(options.members);
    this.members.set(number, 'active');
    this.database = new SimDatabase(state);
    const context = { site: number, model, planted, database: this.database };
    const group = {
      origins: () => this.origins(),
      announces: () => this.#announces(),
      extents: () => this.#known(),
    };
    this.agent = new SimAgent({ ...context, ...group }, journalFrom(state, planted));
  }

  /** Members that count, without this site. */
  others(): number[] {
    return this.#withState((state) => state !== 'left');
  }

  /** Of those the ones that have a copy of the data, or are about to get one. */
  holders(): number[] {
    return this.#withState((state) => state === 'joining' || state === 'active');
  }

  /** Members that are greeted and pulled from. */
  peers(): number[] {
    return this.#withState((state) => state === 'active');
  }

  departed(): number[] {
    return this.#withState((state) => state === 'left');
  }

  /** Members whose changes are applied. */
  origins(): number[] {
    return this.#withState((state) => state === 'active' || state === 'left');
  }

  #withState(wanted: (state: MemberState) => boolean): number[] {
    return [...this.members]
      .filter(([number, state]) => number !== this.number && wanted(state))
      .map(([number]) => number);
  }

  /** `needsKnowledge` of src/site/members/members.ts. */
  #announces(): boolean {
    const open = this.departed().filter((number) => this.#agreed(number) === undefined);
    return this.others().length + open.length > 1;
  }

  #agreed(number: number): bigint | undefined {
    const heard = this.holders().map((other) => this.heard.get(other));
    const known = heard.map((one) => one?.knows.get(number) ?? 0n);
    const journals = heard.map((one) => one?.statement.journal.get(number) ?? 0n);
    const applied = this.database.durableProgress(number);
    const journalled = greatest([this.agent.journal.position(number), ...journals]);
    return agreedPosition(applied, journalled, known);
  }

  /** What there is of those that have left (`reckon` of src/site/members/departed.ts). */
  #known(): ReadonlyMap<number, bigint> {
    if (this.#planted === 'waive-nothing') return new Map();
    const others = this.holders();
    let statements = others.map((number) => this.heard.get(number)?.statement);
    if (this.#planted === 'waive-unasked') statements = statements.filter(Boolean);
    if (this.#planted === 'waive-untold') {
      const gone = new Set(this.departed());
      statements = statements.map((statement) => statement && toldOf(gone, statement));
    }
    return this.#extents.update(this.departed(), [this.statement(), ...statements]);
  }

  /** What it says of its journal in a greeting. */
  statement(): Statement {
    const { number: self, database } = this;
    const { journal } = this.agent;
    const applied = (origin: number): bigint => database.durableProgress(origin);
    return stated({ self, journal, gone: this.departed(), applied });
  }

  /** Notes what it is told of the group; a state never goes back. */
  learn(members: ReadonlyMap<number, MemberState>): void {
    for (const [number, state] of members) {
      const known = this.members.get(number);
      if (number === this.number) continue;
      if (known !== undefined && STATES.indexOf(known) >= STATES.indexOf(state)) continue;
      this.members.set(number, state);
      if (state === 'active' || state === 'left') this.agent.meet(number);
    }
  }

  /** Above which stamp it has others write; 0n: any. */
  wanted(): bigint {
    const { removal } = this;
    const rows = this.#planted === 'expire-untold' ? 0n : removal.wanted;
    return greatest([this.run?.upTo ?? 0n, rows]);
  }

  /** Stamps its writes after a stamp from now on, also after a crash (src/site/members/follow.ts). */
  follow(stamp: bigint): void {
    const { state } = this.database;
    if (this.#planted === 'floor-untold' || stamp >> 11n <= state.floor) return;
    this.database.raise(stamp >> 11n);
  }

  /** What it says of itself in a greeting (src/site/members/gossip.ts). */
  view(): SiteView {
    const { number, database, agent } = this;
    const { ledger } = database.state;
    const position = agent.journal.durable(number);
    if (position >= (ledger.at(-1)?.position ?? 0n)) this.marks += 2;
    const applied = new Map(
      this.origins().map((origin) => [origin, database.durableProgress(origin)]),
    );
    const pending = this.departed().filter(
      (origin) => agent.journal.position(origin) > database.durableProgress(origin),
    );
    return { number, mark: { sequence: this.marks, position }, applied, pending };
  }

  /** Its agent ends. What is in memory only is forgotten, and locks of its transactions are gone. */
  forget(): void {
    this.run = undefined;
    this.removal = new RemovalPlan();
    this.heard.clear();
    this.#extents = new Extents();
    this.admitted.clear();
    this.leaving = undefined;
  }
}

/** As a planted bug: what was said before the speaker knew who is gone is taken for all that it has. */
function toldOf(gone: ReadonlySet<number>, { journal }: Statement): Statement {
  return { gone, journal: new Map([...gone].map((one) => [one, journal.get(one) ?? 0n])) };
}

/** Journals begin where the base copy ends, and with what its rows were made of. */
function journalFrom(state: DatabaseState | undefined, planted: Planted | undefined): SimJournal {
  const journal = new SimJournal();
  for (const [origin, position] of state?.progress ?? []) journal.startAt(origin, position);
  if (state !== undefined && planted !== 'base-without-vector') {
    journal.vector = new Map(state.progress);
  }
  return journal;
}
