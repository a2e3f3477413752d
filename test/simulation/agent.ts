import { Knowledge } from '../../src/apply/knowledge.ts';
import { Fold } from '../../src/apply/fold/fold.ts';
import { foldBatch } from '../../src/apply/fold/read-batch.ts';
import { Batcher } from '../../src/capture/batcher.ts';
import { decodeBatch } from '../../src/journal/batch.ts';
import type { DecodedBatch } from '../../src/journal/batch.ts';
import type { RelationPlan } from '../../src/apply/rows/relation.ts';
import { applyRow } from './apply.ts';
import type { SimDatabase } from './database.ts';
import { SimJournal } from './journal.ts';
import { TYPES } from './model.ts';
import type { SimEntity } from './model.ts';
import type { Planted } from './planted.ts';
import { knownMessage, relationMessage } from './wire.ts';

export interface AgentContext {
  site: number;
  /** Members whose changes are applied here, as far as they are known. */
  origins: () => readonly number[];
  /** Whether others have to know what this site's changes were made with knowledge of. */
  announces: () => boolean;
  /** What there is of sites that have left, as far as that is known. */
  extents: () => ReadonlyMap<number, bigint>;
  model: readonly SimEntity[];
  database: SimDatabase;
  planted: Planted | undefined;
}

/** Changes of one origin on their way into the database. */
interface Applying {
  /** Position up to which the journal was read. */
  read: bigint;
  fold: Fold | undefined;
  /** Whether the beacon has announced the fold, so that it may be committed. */
  announced: boolean;
  /** Whether a part of it is applied without something that it was made with knowledge of. */
  waived: boolean;
}

/**
 * An agent: capture (src/capture/capture.ts), journal and one applier an origin
 * (src/apply/apply-origin.ts), each in steps that the scenario orders. Batcher, Fold, Knowledge, batches
 * and merge are the agent's own.
 */
export class SimAgent {
  readonly journal: SimJournal;
  readonly #context: AgentContext;
  readonly #relations: Buffer[];
  readonly #plans: Map<string, RelationPlan>;
  #batcher: Batcher;
  /** Next entry of the WAL that the walsender sends, and where it begins after a restart. */
  #next = 0;
  #confirmed = 0;
  /** Batches of this session of the walsender. */
  #made: { last: bigint; knowledge: ReadonlyMap<number, bigint> }[] = [];
  #knowledge: Knowledge;
  /** As a planted bug: announcements that wait for the next one. */
  readonly #late: Buffer[] = [];
  #appliers = new Map<number, Applying>();

  /** @param journal of a new site; it begins where the base copy ends */
  constructor(context: AgentContext, journal = new SimJournal()) {
    this.#context = context;
    this.journal = journal;
    const relations = context.model.flatMap((sim) => sim.relations);
    this.#relations = relations.map(relationMessage);
    this.#plans = new Map(
      context.model.flatMap((sim): [string, RelationPlan][] => [
        [sim.relations[0]!.name, context.planted === 'netted-history' ? sim.netted : sim.plan],
        [sim.relations[1]!.name, sim.tombstone],
      ]),
    );
    this.#knowledge = new Knowledge(context.site);
    this.#batcher = this.#capture();
    this.#openAppliers();
  }

  /** A session of the walsender from the confirmed position on. */
  #capture(): Batcher {
    const { site } = this.#context;
    this.#next = this.#confirmed;
    this.#made = [];
    const knowledge = this.journal.vector;
    const after = this.journal.position(site);
    const batcher = new Batcher(
      {
        origin: site,
        incarnation: 1,
        after,
        knowledge,
        types: new Map(TYPES),
        unshipped: new Map(),
      },
      {
        batch: (batch) => {
          this.#made.push({ last: batch.last, knowledge: new Map(batcher.knowledge()) });
          this.journal.append(batch);
        },
        chunk: () => undefined,
        abort: () => undefined,
      },
    );
    for (const message of this.#relations) batcher.message(message, 0);
    return batcher;
  }

  /** Reads what the database has applied. */
  #openAppliers(): void {
    this.#appliers = new Map();
    const { progress } = this.#context.database.state;
    if (this.#context.planted !== 'keep-knowledge') {
      this.#knowledge.correct(this.#knowledge.positions(), progress);
    }
    for (const origin of this.#context.origins()) this.meet(origin);
  }

  /** A member was learned of: its changes are applied from now on. */
  meet(origin: number): void {
    if (this.#appliers.has(origin)) return;
    const position = this.#context.database.state.progress.get(origin) ?? 0n;
    this.#knowledge.advance(origin, position);
    this.#appliers.set(origin, {
      read: position,
      fold: undefined,
      announced: false,
      waived: false,
    });
  }

  /** Entries of the WAL that the slot does not need any more. */
  get confirmed(): number {
    return this.#confirmed;
  }

  /** The walsender sends up to so many entries of the WAL that is on disk. */
  capture(count: number): number {
    const { wal, walOnDisk } = this.#context.database;
    const end = Math.min(walOnDisk, this.#next + count);
    const sent = end - this.#next;
    for (; this.#next < end; this.#next++) {
      for (const message of wal[this.#next]!.messages) this.#batcher.message(message, 0);
    }
    return sent;
  }

  /** What is complete goes to the journal. */
  flush(): void {
    this.#batcher.flush();
  }

  /**
   * Tells the slot from where on the WAL is needed; the vector of that place is saved first, at once and
   * apart from the journal's batches.
   */
  confirm(): void {
    const { site, database, planted } = this.#context;
    const { journal } = this;
    const durable = journal.durable(site);
    const idle = durable === journal.position(site) && this.#batcher.waiting === 0;
    const made = this.#made.findLast((batch) => batch.last <= durable);
    let vector: ReadonlyMap<number, bigint> | undefined = idle
      ? this.#batcher.knowledge()
      : made?.knowledge;
    if (planted === 'early-vector') vector = this.#batcher.knowledge();
    if (vector === undefined) return;
    let end = idle ? this.#next : 0;
    const position = made?.last ?? 0n;
    while (end < this.#next && database.wal[end]!.lsn <= position) end += 1;
    if (end <= this.#confirmed) return;
    if (planted !== 'forget-vector') journal.vector = new Map(vector);
    this.#confirmed = end;
  }

  /** Folds up to so many batches of the origin that may be applied. */
  read(origin: number, count: number): number {
    const applier = this.#appliers.get(origin);
    if (applier === undefined || applier.announced) return 0;
    this.#knowledge.exist(this.#context.extents());
    const batches = this.journal.after(origin, applier.read, count);
    for (const [done, batch] of batches.entries()) {
      const decoded = decodeBatch(batch.bytes);
      const waits = this.#context.planted !== 'ignore-vector';
      if (waits && !this.#knowledge.covers(decoded.knowledge, origin)) return done;
      if (this.#knowledge.lost(decoded.knowledge).length > 0) applier.waived = true;
      this.#fold(applier, decoded);
    }
    return batches.length;
  }

  #fold(applier: Applying, batch: DecodedBatch): void {
    applier.fold ??= new Fold();
    const plans = batch.relations.map(({ relation }) => this.#plans.get(relation.name)!);
    const after = this.#context.planted === 'apply-twice' ? batch.previous : applier.read;
    foldBatch(applier.fold, batch, { plans, after });
    applier.read = batch.last;
  }

  /** The beacon: others will know that we know, and local writes are stamped after what comes. */
  announce(origin: number): boolean {
    const applier = this.#appliers.get(origin);
    if (applier?.fold === undefined || applier.announced) return false;
    const { database, planted } = this.#context;
    for (const message of this.#late.splice(0)) database.log(() => [message]);
    const floor = applier.fold.maxStamp >> 11n;
    if (planted !== 'skip-floor' && floor > database.state.floor) database.state.floor = floor;
    if (planted !== 'late-beacon') this.#note(origin, applier.read);
    applier.announced = true;
    return true;
  }

  /** Applies under way may not have been announced: all that they could make visible is. */
  announceAll(): void {
    for (const origin of this.#context.origins()) this.#note(origin, this.journal.position(origin));
  }

  #note(origin: number, position: bigint): void {
    if (!this.#context.announces()) return;
    this.#context.database.log(() => [knownMessage(origin, position)]);
  }

  /** One transaction: the fold's rows and the origin's progress. */
  commit(origin: number): string | undefined {
    const applier = this.#appliers.get(origin);
    if (applier?.announced !== true) return undefined;
    const { database, model, planted } = this.#context;
    const { state } = database;
    const { waived } = applier;
    const notes: string[] = waived ? ['waived'] : [];
    for (const net of applier.fold!.entities.values()) {
      const sim = model.find((one) => one.plan === net.plan || one.netted === net.plan)!;
      for (const row of net.rows.values()) {
        const done = applyRow({ sim, state, planted, waived }, row);
        notes.push(`${done.row} ${done.taken}`);
      }
    }
    if (applier.fold!.maxStamp > state.greatest) state.greatest = applier.fold!.maxStamp;
    state.progress.set(origin, applier.read);
    state.lsn += 16n;
    if (planted === 'progress-first') database.flushProgress(origin, applier.read);
    if (planted === 'late-beacon') this.#late.push(knownMessage(origin, applier.read));
    this.#knowledge.advance(origin, applier.read);
    applier.fold = undefined;
    applier.announced = false;
    applier.waived = false;
    return notes.join(', ');
  }

  /** All sessions with the database end and are made again. */
  reconnect(): void {
    this.#confirmed = Math.min(this.#confirmed, this.#context.database.walOnDisk);
    this.#batcher = this.#capture();
    this.#openAppliers();
  }

  /** The process is killed and started again. */
  crash(): void {
    this.journal.crash();
    this.#knowledge = new Knowledge(this.#context.site);
    this.reconnect();
  }
}
