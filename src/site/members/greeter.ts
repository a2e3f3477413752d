import { randomUUID } from 'node:crypto';
import { AppError, asError, describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { until } from '../../base/until.ts';
import { ALL_UP_HINT, TWICE_HINT } from '../../link/link-errors.ts';
import { Doubles } from './doubles.ts';
import type { Follow } from './follow.ts';
import { greet } from './gossip.ts';
import type { Greeting } from './gossip.ts';
import { hasTaken, positionText, statementOf, viewOf } from './greeting-parts.ts';
import type { Mark } from './marks.ts';
import type { Members } from './members.ts';
import type { OwnHealth } from './own-health.ts';
import type { Peer } from './peer.ts';
import type { SiteView } from './stability.ts';

/** How long members may take for what they have not got of a base copy; less than a new site waits for its end. */
const TAKEN_MS = 30_000;
const LOOK_MS = 50;
/** Between two greetings that ask for it. */
const GREET_MS = 500;
/** What a site says that does not stamp its writes yet after what is asked for: nothing becomes stable by it. */
const NO_MARK: Mark = { sequence: -1, position: 0n };

export interface GreeterContext {
  members: Members;
  /** This site's last complete mark. */
  mark: () => Mark;
  /** The stamp up to which this site wants everything to be stable; 0n for none. */
  wanted: () => bigint;
  /** Which revisions of models this site has. */
  models: string;
  follow: Follow;
  health: Pick<OwnHealth, 'say'>;
  log: Log;
}

/** What a base copy has: of this site up to a position, and of the others up to these. */
export interface Copied {
  position: bigint;
  known: ReadonlyMap<number, bigint>;
}

/**
 * Greets the other members: tells them what this site knows of the group and how far it has applied every origin, and
 * notes what they say.
 */
export class Greeter {
  readonly #context: GreeterContext;
  readonly #members: Members;
  readonly #run = randomUUID();
  /** Members of which two agents run. */
  readonly doubles = new Doubles();

  constructor(context: GreeterContext) {
    this.#context = context;
    this.#members = context.members;
  }

  /** This site's own greeting. @param counts false where its mark is none for whoever is greeted */
  greeting(counts = true): Greeting {
    const applied = this.#members
      .peers()
      .map((peer): [number, string] => [peer.member.number, peer.appliedDurably().toString()]);
    const { sequence, position } = counts ? this.#context.mark() : NO_MARK;
    const mark = { sequence, position: position.toString() };
    const pending = this.#members.departed.pending();
    const above = this.#context.wanted();
    const { gone, journal } = this.#members.statement();
    const { models } = this.#context;
    return {
      ...{ site: this.#members.self(), members: this.#members.all(), mark, models },
      run: this.#run,
      connected: this.#members
        .peers()
        .filter((peer) => this.#members.isConnected(peer))
        .map(({ member }) => member.number),
      applied: [...applied, ...this.#members.departed.applied()],
      ...{ gone: [...gone], journal: [...journal].map(positionText) },
      ...(pending.length === 0 ? {} : { pending }),
      ...(above === 0n ? {} : { above: above.toString() }),
      health: this.#context.health.say(),
    };
  }

  /** The answer to a member's greeting, once this site stamps its writes after what the member asks for. */
  async answer({ above }: Greeting): Promise<Greeting> {
    return this.greeting(above === undefined || (await this.#context.follow(BigInt(above))));
  }

  /**
   * Notes what a member said and answers. Called for greetings that come in and for answers to ours.
   *
   * @throws AppError SITE_TWICE
   */
  async heard(greeting: Greeting): Promise<void> {
    const { name } = greeting.site;
    if (this.doubles.heard(name, greeting.run)) {
      this.#context.log.error({ site: name }, 'two agents run as this member: it is refused');
    }
    this.requireOne(name);
    // Before the database is asked: that may be what is wrong.
    this.#members.peer(name)?.health.heard(greeting.health);
    await this.#members.learn([...greeting.members, greeting.site]);
    const peer = this.#members.peer(greeting.site.name);
    if (peer === undefined) return;
    peer.knows = new Map(greeting.applied.map(([origin, position]) => [origin, BigInt(position)]));
    peer.hears = new Set(greeting.connected);
    peer.statement = statementOf(greeting);
    peer.underWay.heard(BigInt(greeting.mark.position));
    this.#members.reckon();
  }

  /**
   * Refuses a member of which two agents run: what the one acknowledges the other one does not have.
   *
   * @throws AppError SITE_TWICE
   */
  requireOne(name: string): void {
    if (this.doubles.isDouble(name)) throw twice(name);
  }

  /** Greets every peer; a peer that cannot be reached is greeted again at the next round. */
  async greetAll(): Promise<void> {
    await Promise.all(
      this.#members.peers().map(async (peer) => {
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
    peer.health.unanswered(error);
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
    this.#members.declare('left');
    const told: string[] = [];
    await Promise.all(
      this.#members.peers().map(async (peer) => {
        try {
          await greet(peer.connection, this.greeting());
          told.push(peer.member.name);
        } catch (error) {
          const { log } = this.#context;
          log.warn({ peer: peer.member.name, error: describeError(error) }, 'it was not told');
        }
      }),
    );
    if (told.length === 0) this.#members.declare('active');
    return told.sort();
  }

  /**
   * Tells every active member about a site that is about to join, so that from now on their changes say
   * what they were made with knowledge of (ARCHITECTURE.md §4).
   *
   * @throws AppError MEMBER_UNREACHABLE: a member that does not know would ship changes without it
   */
  async announce(joining: string): Promise<void> {
    for (const peer of this.#members.peers()) {
      if (peer.member.name === joining) continue;
      try {
        await this.heard(await greet(peer.connection, this.greeting()));
      } catch (error) {
        throw new AppError(
          'MEMBER_UNREACHABLE',
          `Member "${peer.member.name}" cannot be told about "${joining}": ${asError(error).message}`,
          { hint: ALL_UP_HINT, retry: 'later', cause: error },
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
      behind = this.#members.peers().find(({ acknowledged }) => acknowledged.durable < position);
      return behind === undefined;
    });
    if (taken) {
      taken = await until({ deadline, everyMs: GREET_MS, signal }, async () => {
        behind = this.#members.peers().find((peer) => !hasTaken(peer, known));
        if (behind !== undefined) await this.greetAll();
        return behind === undefined;
      });
    }
    if (!taken) throw notTaken(behind!.member.name);
  }

  /** Every site of the group as it answered this site's last greeting; undefined if one did not. */
  views(): SiteView[] | undefined {
    const self = viewOf(this.greeting());
    const others = this.#members
      .holders()
      .map((member) => this.#members.peer(member.name)?.answered);
    const counts = (view: SiteView | undefined): view is SiteView =>
      view !== undefined && view.mark.sequence !== NO_MARK.sequence;
    if (!others.every(counts)) return undefined;
    const views = [self, ...others];
    // What a site that has left made without knowing of something could still come.
    return this.#members.departed.settled(views) ? views : undefined;
  }
}

function twice(name: string): AppError {
  return new AppError('SITE_TWICE', `Two agents run as site "${name}"`, {
    hint: TWICE_HINT,
    retry: 'later',
  });
}

function notTaken(name: string): AppError {
  return new AppError('MEMBER_UNREACHABLE', `Member "${name}" does not take what this site wrote`, {
    hint: `syncline status shows how far it is behind. ${ALL_UP_HINT}`,
    retry: 'later',
  });
}
