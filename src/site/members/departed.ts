import type { Knowledge } from '../../apply/knowledge.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Member } from '../database/catalog.ts';
import { Extents } from './extent.ts';
import type { Statement } from './extent.ts';
import { greatest } from '../../merge/stamps.ts';
import { Peer } from './peer.ts';
import type { PeerContext } from './peer.ts';
import type { SiteView } from './stability.ts';

/** Notes in the journal of how far all members have a site that has left. */
const SETTLED = 'settled/';

export interface DepartedContext extends PeerContext {
  /** What the database had applied of each origin when the agent started. */
  progress: ReadonlyMap<number, bigint>;
}

/**
 * Members that have left, as origins of changes. What a site shipped to anybody before it left, or was removed,
 * counts: it is applied here, and relayed, until all remaining members have the same of it. What it made with
 * knowledge of changes of another such site that nobody has is applied without them, as soon as that is sure.
 */
export class Departed {
  readonly #context: DepartedContext;
  readonly #journal: Journal;
  readonly #knowledge: Knowledge;
  readonly #extents = new Extents();
  readonly #peers = new Map<number, Peer>();
  /** Positions of those that are settled: how far every member has them. */
  readonly #settled = new Map<number, bigint>();
  #left: Member[] = [];

  constructor(context: DepartedContext) {
    this.#context = context;
    this.#journal = context.journal;
    this.#knowledge = context.knowledge;
  }

  /** Those of which something may still have to be applied here. */
  peers(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Numbers of those of which nothing has to be applied anywhere any more. */
  settledNumbers(): number[] {
    return [...this.#settled.keys()].filter((number) => !this.#peers.has(number));
  }

  /** Whether something of an origin that has left may still have to be applied anywhere. */
  isOpen(number: number): boolean {
    return this.#peers.has(number) || !this.#settled.has(number);
  }

  /**
   * Starts and stops what is needed.
   *
   * @param others the members that remain, less those that are only invited: those have nothing
   * @param peers those of them that are known here
   */
  async refresh(
    left: readonly Member[],
    others: readonly Member[],
    peers: readonly Peer[],
  ): Promise<void> {
    this.#left = left.filter((member) => member.address !== null);
    for (const member of this.#left) {
      const { number } = member;
      this.#recall(number);
      const at = this.#agreed(number, others, peers);
      const running = this.#peers.get(number);
      if (at !== undefined) {
        await this.#settle(number, at);
        this.#peers.delete(number);
        await running?.stop();
      } else if (running === undefined) {
        const peer = new Peer(member, this.#context);
        this.#peers.set(number, peer);
        peer.start();
      }
    }
  }

  /**
   * Takes up what was noted by an earlier run of the agent: more of the site is nowhere, so nobody has to be asked again. But
   * not where database or journal were put back since.
   */
  #recall(number: number): void {
    if (this.#settled.has(number) || this.#peers.has(number)) return;
    const { progress, until } = this.#context;
    const noted = this.#journal.getNote(SETTLED + number);
    if (noted === undefined || until !== undefined) return;
    const at = BigInt(noted);
    if (progress.get(number) !== at || this.#journal.position(number) !== at) return;
    this.#settled.set(number, at);
    this.#knowledge.advance(number, at);
  }

  async #settle(number: number, at: bigint): Promise<void> {
    if (this.#settled.get(number) === at) return;
    this.#settled.set(number, at);
    // Without the note, as where the journal has no room, the members are asked again after a restart.
    await this.#journal.setNote(SETTLED + number, at.toString()).catch(() => undefined);
  }

  /** What there is of those that have left, by what this site and the others say of their journals. */
  reckon(own: Statement, others: readonly Member[], peers: readonly Peer[]): void {
    const statements = others.map(
      ({ name }) => peers.find((peer) => peer.member.name === name)?.statement,
    );
    const left = this.#left.map(({ number }) => number);
    this.#knowledge.exist(this.#extents.update(left, [own, ...statements]));
  }

  /**
   * How far all members have an origin, when that is the same; undefined when it is not, or not known. A member that was not
   * heard yet, since this agent started or since it joined, has what all had when it was the same the last time.
   */
  #agreed(number: number, others: readonly Member[], peers: readonly Peer[]): bigint | undefined {
    const all = others.map(({ name }) => peers.find((peer) => peer.member.name === name));
    const known = all.map((peer) => peer?.knows?.get(number) ?? this.#settled.get(number));
    const journals = all.map((peer) => peer?.statement?.journal.get(number) ?? 0n);
    const journalled = greatest([this.#journal.position(number), ...journals]);
    return agreedPosition(this.appliedOf(number), journalled, known);
  }

  /** Up to where an origin that has left is applied here; undefined for others, and until it is known. */
  appliedOf(number: number): bigint | undefined {
    const peer = this.#peers.get(number);
    if (peer === undefined) return this.#settled.get(number);
    return peer.apply().state === 'starting' ? undefined : peer.appliedDurably();
  }

  /** For greetings. */
  applied(): [number: number, position: string][] {
    return this.#left.flatMap(({ number }) => {
      const position = this.appliedOf(number);
      return position === undefined ? [] : [[number, position.toString()] as [number, string]];
    });
  }

  /** Origins that have left and of which more is here than is applied. */
  pending(): number[] {
    return this.#left
      .map(({ number }) => number)
      .filter((number) => {
        const applied = this.appliedOf(number);
        return applied === undefined || this.#journal.position(number) > applied;
      });
  }

  /** Whether all sites have the same of those that have left, and nothing of it is under way. */
  settled(views: readonly SiteView[]): boolean {
    return areSettled(
      this.#left.map(({ number }) => number),
      views,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.peers().map((peer) => peer.stop()));
  }
}

/**
 * How far all members have an origin that has left, when that is the same; undefined when it is not, or not known.
 *
 * @param applied here, on disk
 * @param journalled here, or at any member, where that is known to be more
 * @param known what each other member says that it has applied
 */
export function agreedPosition(
  applied: bigint | undefined,
  journalled: bigint,
  known: readonly (bigint | undefined)[],
): bigint | undefined {
  if (applied === undefined || journalled > applied) return undefined;
  return known.every((position) => position === applied) ? applied : undefined;
}

/** Whether all sites have the same of the origins that have left, and nothing of it is under way. */
export function areSettled(left: readonly number[], views: readonly SiteView[]): boolean {
  if (views.some((view) => (view.pending ?? []).length > 0)) return false;
  return left.every((number) =>
    views.every((view) => view.applied.get(number) === views[0]!.applied.get(number)),
  );
}
