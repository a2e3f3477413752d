import type { Client } from 'pg';
import type { Knowledge } from '../../src/apply/knowledge.ts';
import { silentLog } from '../../src/base/log.ts';
import { readMembers } from '../../src/site/database/catalog.ts';
import type { Member } from '../../src/site/database/catalog.ts';
import { Extents } from '../../src/site/members/extent.ts';
import type { Statement } from '../../src/site/members/extent.ts';
import { Waived } from '../../src/site/upkeep/waived.ts';
import type { SteppedJournal } from './stepped-journal.ts';

/** The sites that a group can have, by number: it begins with three. */
export const STEPPED = new Map([1, 2, 3, 4, 5].map((number) => [number, `site${number}`]));

/** A member as it is told of when it has joined. */
export function memberOf(number: number, state: Member['state'] = 'active'): Member {
  return { name: STEPPED.get(number)!, number, address: null, incarnation: 1, state };
}

/** What a stepped site knows of members that were removed, as `Departed` does it for an agent. */
export class SteppedMembers {
  readonly #number: number;
  readonly #sql: Client;
  readonly #journal: SteppedJournal;
  readonly #knowledge: Knowledge;
  readonly #extents = new Extents();
  readonly #waived: Waived;

  constructor(site: {
    number: number;
    sql: Client;
    journal: SteppedJournal;
    knowledge: Knowledge;
  }) {
    this.#number = site.number;
    this.#sql = site.sql;
    this.#journal = site.journal;
    this.#knowledge = site.knowledge;
    this.#waived = new Waived({ journal: site.journal, log: silentLog() });
  }

  /** Numbers of the members that have left as this site knows. */
  async gone(): Promise<number[]> {
    const members = await readMembers(this.#sql);
    return members.filter(({ state }) => state === 'left').map(({ number }) => number);
  }

  /** What this site says of its journal. */
  async statement(): Promise<Statement> {
    const applied = (origin: number): bigint => this.#knowledge.position(origin);
    return this.#journal.statement(await this.gone(), applied);
  }

  /** Finds what there is of members that were removed, by what the others that remain have said, by number. */
  async reckon(said: ReadonlyMap<number, Statement>): Promise<void> {
    const gone = await this.gone();
    const others = (await readMembers(this.#sql)).filter(
      ({ number }) => number !== this.#number && !gone.includes(number),
    );
    const statements = others.map(({ number }) => said.get(number));
    this.#knowledge.exist(this.#extents.update(gone, [await this.statement(), ...statements]));
  }

  /**
   * Notes what changes that are about to be applied were made with knowledge of and is nowhere any more.
   *
   * @returns whether there is any
   */
  waive(origin: number, vector: ReadonlyMap<number, bigint>): boolean {
    const lost = this.#knowledge.lost(vector);
    if (lost.length > 0) this.#waived.note(origin, lost);
    return lost.length > 0;
  }

  /** How many sites' changes were applied without those of how many others, as `syncline status` says it. */
  get waived(): number {
    return this.#waived.status(STEPPED).length;
  }
}
