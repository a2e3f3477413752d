import type { Client } from 'pg';
import { hasLeft, readMembers, upsertMember } from '../database/catalog.ts';
import type { Member } from '../database/catalog.ts';
import { Departed } from './departed.ts';
import type { DepartedContext } from './departed.ts';
import { stated } from './extent.ts';
import type { Statement } from './extent.ts';
import { Peer } from './peer.ts';

export interface MembersContext extends DepartedContext {
  /** Whether a site pulls from this one now. */
  serves: (name: string) => boolean;
  /** Settles when nothing is pulled by way of a peer any more: it has left. */
  parted: (peer: Peer) => Promise<void>;
}

/**
 * The other members of the group as this site knows them (`crp.member`), and a `Peer` for each that is
 * active and has an address. Members are learned by invitation and by greetings (greeter.ts).
 */
export class Members {
  readonly #context: MembersContext;
  readonly #self: Member;
  /** Members that have left, as long as something of theirs may have to be applied here. */
  readonly departed: Departed;
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
    this.departed = new Departed(context);
    this.#context = context;
  }

  /** The session to the site's database was lost and made again. */
  reconnected(client: Client): void {
    this.#client = client;
  }

  peers(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Up to where another site's changes are applied here, on disk; 0n for a site that is not known. */
  appliedOf(origin: number): bigint {
    const peer = this.peers().find(({ member }) => member.number === origin);
    return peer?.appliedDurably() ?? this.departed.appliedOf(origin) ?? 0n;
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
        this.departed.isOpen(number),
    );
    return this.others().length + left.length > 1;
  }

  /** This site, as it shows itself to the others. */
  self(): Readonly<Member> {
    return this.#self;
  }

  /** What this site says of itself from now on. One that has left starts no peers any more. */
  declare(state: 'active' | 'left'): void {
    this.#self.state = state;
  }

  peer(name: string): Peer | undefined {
    return this.#peers.get(name);
  }

  /** All that were ever members, this site too. */
  all(): Member[] {
    return this.#members;
  }

  /** All members that count: neither this site nor those that left. */
  others(): Member[] {
    return this.#members.filter(
      (member) => member.name !== this.#self.name && member.state !== 'left',
    );
  }

  /**
   * Of those the ones that have a copy of the data, or are about to get one. What nobody of them needs may be forgotten:
   * who is only invited has nothing, and gets all in a copy, for which it is *joining* everywhere first (routes.ts).
   */
  holders(): Member[] {
    return this.others().filter(({ state }) => state !== 'invited');
  }

  /** Sites that may join, or are about to. */
  newcomers(): { name: string; number: number; state: 'invited' | 'joining' }[] {
    return this.others().flatMap(({ name, number, state }) =>
      state === 'invited' || state === 'joining' ? [{ name, number, state }] : [],
    );
  }

  names(): ReadonlyMap<number, string> {
    return new Map(this.#members.map((member) => [member.number, member.name]));
  }

  /** Notes what was said of members, but for what others say of this site. */
  async learn(said: readonly Member[]): Promise<void> {
    for (const member of said) {
      if (member.name !== this.#self.name) await upsertMember(this.#client, member);
    }
    await this.refresh();
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
    await this.departed.refresh(left, this.holders(), this.peers());
    this.reckon();
  }

  /** Finds what there is of those that have left, by what the members have said. */
  reckon(): void {
    this.departed.reckon(this.statement(), this.holders(), this.peers());
  }

  /** What this site says of its journal. */
  statement(): Statement {
    const { number: self } = this.#self;
    const { journal } = this.#context;
    const applied = (origin: number): bigint | undefined => this.departed.appliedOf(origin);
    return stated({ self, journal, gone: this.#gone, applied });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#refreshing;
    await Promise.all(this.peers().map((peer) => peer.stop()));
    await this.departed.stop();
  }
}
