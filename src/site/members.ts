import type { Client } from 'pg';
import { AppError, describeError } from '../base/errors.ts';
import { until } from '../base/until.ts';
import { hasLeft, readMembers, upsertMember } from './catalog.ts';
import type { Member } from './catalog.ts';
import { Departed } from './departed.ts';
import { stated } from './extent.ts';
import type { Statement } from './extent.ts';
import type { Follow } from './follow.ts';
import { greet } from './gossip.ts';
import type { Greeting } from './gossip.ts';
import type { Mark } from './marks.ts';
import { Peer } from './peer.ts';
import type { PeerContext } from './peer.ts';
import type { SiteView } from './stability.ts';

/** How long members may take for what they have not got of a base copy; less than a new site waits for its end. */
const TAKEN_MS = 30_000;
const LOOK_MS = 50;
/** Between two greetings that ask for it. */
const GREET_MS = 500;
/** What a site says that does not stamp its writes yet after what is asked for: nothing becomes stable by it. */
const NO_MARK: Mark = { sequence: -1, position: 0n };

export interface MembersContext extends PeerContext {
  /** This site's last complete mark. */
  mark: () => Mark;
  /** Whether a site pulls from this one now. */
  serves: (name: string) => boolean;
  /** Settles when nothing is pulled by way of a peer any more: it has left. */
  parted: (peer: Peer) => Promise<void>;
  /** The stamp up to which this site wants everything to be stable; 0n for none. */
  wanted: () => bigint;
  follow: Follow;
}

/** What a base copy has: of this site up to a position, and of the others up to these. */
export interface Copied {
  position: bigint;
  known: ReadonlyMap<number, bigint>;
}

/**
 * The other members of the group as this site knows them (`crp.member`), and a `Peer` for each that is
 * active and has an address. Members are learned by invitation and by greetings.
 */
export class Members {
  readonly #context: MembersContext;
  readonly #self: Member;
  readonly #departed: Departed;
  readonly #peers = new Map<string, Peer>();
  #members: Member[] = [];
  /** Members that have left, and from which nothing is on its way here any more. */
  #gone: number[] = [];
  #client: Client;
  #refreshing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(client: Client, self: Member, context: MembersContext) {
    this.#client = client;
    this.#self = { ...self };
    this.#departed = new Departed(context);
    this.#context = context;
  }

  /** The session to the site's database was lost and made again. */
  reconnected(client: Client): void {
    this.#client = client;
  }

  peers(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Members that have left, as long as something of theirs may have to be applied here. */
  departed(): Peer[] {
    return this.#departed.peers();
  }

  /** Up to where another site's changes are applied here, on disk; 0n for a site that is not known. */
  appliedOf(origin: number): bigint {
    const peer = this.peers().find(({ member }) => member.number === origin);
    return peer?.appliedDurably() ?? this.#departed.appliedOf(origin) ?? 0n;
  }

  /** Whether a site of the group has left it, or was removed. */
  hasLeft(name: string): boolean {
    return hasLeft(this.#members, name);
  }

  /** Whether this site and a peer are connected now, whichever of them reaches the other. */
  isConnected(peer: Peer): boolean {
    return peer.link().state === 'connected' || this.#context.serves(peer.member.name);
  }

  /** Members for which this site is none any more: it was removed while it was away. */
  dismissedBy(): string[] {
    return this.peers()
      .filter((peer) => peer.dismisses)
      .map(({ member }) => member.name);
  }

  /**
   * Whether others have to know what this site's changes were made with knowledge of (ARCHITECTURE.md §4): one of
   * them could have a change of this site before one of a third site, which may be one that has left.
   */
  needsKnowledge(): boolean {
    const left = this.#members.filter(
      ({ state, number, address }) =>
        state === 'left' &&
        number !== this.#self.number &&
        address !== null &&
        this.#departed.isOpen(number),
    );
    return this.others().length + left.length > 1;
  }

  peer(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  /** All members that count: neither this site nor those that left. */
  others(): Member[] {
    return this.#members.filter(
      (member) => member.name !== this.#self.name && member.state !== 'left',
    );
  }

  names(): ReadonlyMap<number, string> {
    return new Map(this.#members.map((member) => [member.number, member.name]));
  }

  /** Reads `crp.member` and starts, stops or restarts peers by it. */
  refresh(): Promise<void> {
    // One at a time: two would start the same peer twice, and only one of them could be stopped.
    const next = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = next.catch(() => undefined);
    return next;
  }

  async #refresh(): Promise<void> {
    // A site that has left is about to end.
    if (this.#stopped || this.#self.state === 'left') return;
    this.#members = await readMembers(this.#client);
    const wanted = new Map(
      this.others()
        .filter((member) => member.state === 'active' && member.address !== null)
        .map((member) => [member.name, member]),
    );
    for (const [name, peer] of this.#peers) {
      const member = wanted.get(name);
      if (member?.address === peer.member.address) continue;
      await peer.stop();
      await this.#context.parted(peer);
      this.#peers.delete(name);
    }
    for (const [name, member] of wanted) {
      if (this.#peers.has(name)) continue;
      const peer = new Peer(member, this.#context);
      this.#peers.set(name, peer);
      peer.start();
    }
    const left = this.#members.filter(
      (member) => member.name !== this.#self.name && member.state === 'left',
    );
    this.#gone = left.map(({ number }) => number);
    await this.#departed.refresh(left, this.others(), this.peers());
    this.#reckon();
  }

  #reckon(): void {
    this.#departed.reckon(this.#statement(), this.others(), this.peers());
  }

  #statement(): Statement {
    const { number: self } = this.#self;
    const { journal } = this.#context;
    const applied = (origin: number): bigint | undefined => this.#departed.appliedOf(origin);
    return stated({ self, journal, gone: this.#gone, applied });
  }

  /** This site's own greeting. @param counts false where its mark is none for whoever is greeted */
  greeting(counts = true): Greeting {
    const applied = this.peers().map((peer): [number, string] => [
      peer.member.number,
      peer.appliedDurably().toString(),
    ]);
    const { sequence, position } = counts ? this.#context.mark() : NO_MARK;
    const mark = { sequence, position: position.toString() };
    const pending = this.#departed.pending();
    const above = this.#context.wanted();
    const { gone, journal } = this.#statement();
    return {
      ...{ site: this.#self, members: this.#members, mark },
      connected: this.peers()
        .filter((peer) => this.isConnected(peer))
        .map(({ member }) => member.number),
      applied: [...applied, ...this.#departed.applied()],
      ...{ gone: [...gone], journal: [...journal].map(positionText) },
      ...(pending.length === 0 ? {} : { pending }),
      ...(above === 0n ? {} : { above: above.toString() }),
    };
  }

  /** The answer to a member's greeting, once this site stamps its writes after what the member asks for. */
  async answer({ above }: Greeting): Promise<Greeting> {
    return this.greeting(above === undefined || (await this.#context.follow(BigInt(above))));
  }

  /** Notes what a member said and answers. Called for greetings that come in and for answers to ours. */
  async heard(greeting: Greeting): Promise<void> {
    for (const member of [...greeting.members, greeting.site]) {
      if (member.name !== this.#self.name) await upsertMember(this.#client, member);
    }
    await this.refresh();
    const peer = this.#peers.get(greeting.site.name);
    if (peer === undefined) return;
    peer.knows = new Map(greeting.applied.map(([origin, position]) => [origin, BigInt(position)]));
    peer.hears = new Set(greeting.connected);
    peer.statement = statementOf(greeting);
    this.#reckon();
  }

  /** Greets every peer; a peer that cannot be reached is greeted again at the next round. */
  async greetAll(): Promise<void> {
    await Promise.all(
      this.peers().map(async (peer) => {
        try {
          const answer = await greet(peer.connection, this.greeting());
          await this.heard(answer);
          peer.answered = viewOf(answer);
          peer.dismisses = false;
        } catch (error) {
          peer.answered = undefined;
          this.#unanswered(peer, error);
        }
      }),
    );
  }

  #unanswered(peer: Peer, error: unknown): void {
    const { log } = this.#context;
    const note = { peer: peer.member.name, error: describeError(error) };
    if (!(error instanceof AppError) || error.code !== 'MEMBER_LEFT') {
      log.debug(note, 'greeting failed');
    } else if (!peer.dismisses) {
      peer.dismisses = true;
      log.error(note, 'this site was removed from the group');
    }
  }

  /**
   * Tells every member that this site has left. From the first that hears of it all others learn it.
   *
   * @returns names of the members that were told; when there are none the site is a member as before
   */
  async tellLeft(): Promise<string[]> {
    this.#self.state = 'left';
    const told: string[] = [];
    await Promise.all(
      this.peers().map(async (peer) => {
        try {
          await greet(peer.connection, this.greeting());
          told.push(peer.member.name);
        } catch (error) {
          const { log } = this.#context;
          log.warn({ peer: peer.member.name, error: describeError(error) }, 'it was not told');
        }
      }),
    );
    if (told.length === 0) this.#self.state = 'active';
    return told.sort();
  }

  /**
   * Tells every active member about a site that is about to join, so that from now on their changes say
   * what they were made with knowledge of (ARCHITECTURE.md §4).
   *
   * @throws AppError MEMBER_UNREACHABLE: a member that does not know would ship changes without it
   */
  async announce(joining: string): Promise<void> {
    for (const peer of this.peers()) {
      if (peer.member.name === joining) continue;
      try {
        await this.heard(await greet(peer.connection, this.greeting()));
      } catch (error) {
        throw new AppError(
          'MEMBER_UNREACHABLE',
          `Member "${peer.member.name}" cannot be told about "${joining}": ${describeError(error)}`,
          { hint: 'A site can join while all members are up', retry: 'later', cause: error },
        );
      }
    }
  }

  /**
   * Settles when all members have what a base copy has, on disk. A site that joins has it in the copy only, and cannot
   * hand it on if this site, or one whose changes this site has, is lost.
   *
   * @throws AppError MEMBER_UNREACHABLE when one of them does not take it
   */
  async haveTaken({ position, known }: Copied, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + TAKEN_MS;
    let behind: Peer | undefined;
    let taken = await until({ deadline, everyMs: LOOK_MS, signal }, () => {
      behind = this.peers().find(({ acknowledged }) => acknowledged.durable < position);
      return behind === undefined;
    });
    if (taken) {
      taken = await until({ deadline, everyMs: GREET_MS, signal }, async () => {
        behind = this.peers().find((peer) => !hasTaken(peer, known));
        if (behind !== undefined) await this.greetAll();
        return behind === undefined;
      });
    }
    if (!taken) throw notTaken(behind!.member.name);
  }

  /** Every site of the group as it answered this site's last greeting; undefined if one did not. */
  views(): SiteView[] | undefined {
    const self = viewOf(this.greeting());
    const others = this.others().map((member) => this.#peers.get(member.name)?.answered);
    const counts = (view: SiteView | undefined): view is SiteView =>
      view !== undefined && view.mark.sequence !== NO_MARK.sequence;
    if (!others.every(counts)) return undefined;
    const views = [self, ...others];
    // What a site that has left made without knowing of something could still come.
    return this.#departed.settled(views) ? views : undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#refreshing;
    await Promise.all(this.peers().map((peer) => peer.stop()));
    await this.#departed.stop();
  }
}

/** Whether a member has changes on disk, in its journal or applied, as it said last. */
function hasTaken(peer: Peer, known: ReadonlyMap<number, bigint>): boolean {
  const said = [peer.knows, peer.statement?.journal];
  return [...known].every(
    ([origin, position]) =>
      origin === peer.member.number ||
      said.some((positions) => (positions?.get(origin) ?? 0n) >= position),
  );
}

function notTaken(name: string): AppError {
  return new AppError('MEMBER_UNREACHABLE', `Member "${name}" does not take what this site wrote`, {
    hint: 'A site can join while all members are up; syncline status shows how far it is behind',
    retry: 'later',
  });
}

function positionText([origin, position]: [number, bigint]): [number, string] {
  return [origin, position.toString()];
}

/** Undefined of a member with an earlier version: then it is not known what it has. */
function statementOf({ gone, journal }: Greeting): Statement | undefined {
  if (gone === undefined || journal === undefined) return undefined;
  const positions = journal.map(([origin, text]): [number, bigint] => [origin, BigInt(text)]);
  return { gone: new Set(gone), journal: new Map(positions) };
}

function viewOf({ site, mark, applied, pending }: Greeting): SiteView {
  return {
    number: site.number,
    mark: { sequence: mark.sequence, position: BigInt(mark.position) },
    applied: new Map(applied.map(([origin, position]) => [origin, BigInt(position)])),
    ...(pending === undefined ? {} : { pending }),
  };
}
