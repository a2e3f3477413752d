import { greatest } from '../../src/merge/stamps.ts';
import type { DatabaseState } from './database.ts';
import { withoutOver } from './expire.ts';
import type { Planted } from './planted.ts';
import { Site } from './site.ts';
import type { MemberState } from './site.ts';
import type { World } from './world.ts';

/*
 * How a site joins the group, as src/site/agent/routes.ts, base-serve.ts and join.ts do it, in the steps between which
 * others may act: it is invited; its member tells all others; its member gives it a consistent copy; it is there.
 */

/** What a new site is given: a state of the database of the member that gives it, and its members. */
export interface BaseCopy {
  from: number;
  /** What it has of that member. */
  position: bigint;
  state: DatabaseState;
  members: ReadonlyMap<number, MemberState>;
}

/** Members exchange greetings (src/site/members/gossip.ts). False when the other one refuses: it knows of no such member. */
export function greet(one: Site, other: Site): boolean {
  const state = other.members.get(one.number);
  if (state === undefined || state === 'left') return false;
  hear(other, one);
  other.follow(one.wanted());
  hear(one, other);
  return true;
}

function hear(site: Site, from: Site): void {
  site.learn(from.members);
  const durable = from.agent.journal.durable(site.number);
  const knows = from.database.progressOnDisk();
  site.heard.set(from.number, { knows, durable, statement: from.statement() });
}

/** A number is given to a site that may join. */
export function invite(site: Site, newcomer: number): string {
  if (site.members.has(newcomer)) return '';
  site.learn(new Map([[newcomer, 'invited']]));
  return 'done';
}

/**
 * The member that was asked for a base copy tells all others, or gives up; then it announces what its own changes to
 * come may have been made with knowledge of. The order is that of `base` in src/site/agent/routes.ts.
 */
export function admit(world: World, site: Site, newcomer: number): string {
  const state = site.members.get(newcomer);
  if (state !== 'invited' && state !== 'joining') return '';
  site.learn(new Map([[newcomer, 'joining']]));
  if (world.setting.planted !== 'join-unannounced') {
    for (const number of site.peers()) {
      const peer = world.reached(number);
      if (peer === undefined || !greet(site, peer)) return '';
    }
    site.agent.announceAll();
  }
  site.admitted.set(newcomer, progressOf(site));
  return 'done';
}

/** The snapshot is taken, and what goes with it is read in it. */
export function copy(world: World, site: Site, newcomer: number): string {
  const admitted = site.admitted.get(newcomer);
  if (admitted === undefined || world.find(newcomer) !== undefined) return '';
  site.admitted.delete(newcomer);
  if (site.members.get(newcomer) !== 'joining') return '';
  const { planted } = world.setting;
  const state = site.database.snapshot();
  const newest = greatestStamp(state);
  const copied: DatabaseState = {
    ...state,
    progress: new Map(
      planted === 'base-early-progress'
        ? admitted
        : progressOf(site, planted !== 'base-of-wal-end'),
    ),
    floor: floorOf({ newest, floor: state.floor, clock: world.clock(site) }, planted),
    greatest: newest,
    ...{ conflicts: new Map(), ledger: [], lsn: 1000n },
  };
  if (planted === 'base-without-over') copied.rows = withoutOver(world, site);
  if (planted === 'base-without-tombstones') copied.tombstones = new Map();
  if (planted === 'base-without-history') copied.history = new Map();
  const [position, members] = [lastOf(site), new Map(site.members)];
  world.copies.set(newcomer, { from: site.number, position, state: copied, members });
  return `${state.rows.size} rows`;
}

/**
 * What a site has: of the others by its progress, and of itself up to its last transaction. Others never have more of
 * it than that, and would wait for ever for the end of its WAL.
 */
function progressOf(site: Site, isExact = true): Map<number, bigint> {
  const { progress, lsn } = site.database.state;
  return new Map(progress).set(site.number, isExact ? lastOf(site) : lsn);
}

function lastOf({ database }: Site): bigint {
  return database.state.ledger.at(-1)?.position ?? 0n;
}

/** The copy is whole, and was loaded in the transaction that makes the site; its agent starts. */
export function open(world: World, number: number, offset: number): string {
  const base = world.copies.get(number);
  const giver = base === undefined ? undefined : world.reached(base.from);
  if (base === undefined || giver === undefined) return '';
  const { model, planted } = world.setting;
  if (planted !== 'join-before-shipped' && !isShipped(world, giver, base)) return '';
  world.copies.delete(number);
  const { state, members } = base;
  if (planted === 'base-late-progress') state.progress = progressOf(giver);
  world.sites.push(new Site({ number, model, planted, offset, members, state }));
  return 'done';
}

/** Whether the others have on disk what the copy has: they cannot get it from the new site. */
function isShipped(world: World, giver: Site, base: BaseCopy): boolean {
  const { progress } = base.state;
  return giver.peers().every((number) => {
    const { agent, database } = world.find(number)!;
    if (agent.journal.durable(giver.number) < base.position) return false;
    if (world.setting.planted === 'join-before-others') return true;
    return [...progress].every(
      ([origin, position]) =>
        [number, giver.number].includes(origin) ||
        agent.journal.durable(origin) >= position ||
        database.durableProgress(origin) >= position,
    );
  });
}

/** The new site's: above all that it is given, of which the giver's own writes may be above its floor and clock. */
function floorOf(
  { newest, floor, clock }: { newest: bigint; floor: bigint; clock: bigint },
  planted: Planted | undefined,
): bigint {
  if (planted === 'base-without-floor') return 0n;
  const given = floor > clock ? floor : clock;
  if (planted === 'base-floor-of-giver' || given > newest >> 11n) return given;
  return newest >> 11n;
}

/** The greatest stamp in a state. */
function greatestStamp({ greatest: applied, rows, tombstones, history }: DatabaseState): bigint {
  return greatest([
    applied,
    ...[...rows.values()].flatMap(({ stamps }) => stamps),
    ...[...tombstones.values()].map(({ stamp }) => stamp),
    ...[...history.values()].flatMap(({ changes }) => changes.map(({ stamp }) => stamp)),
  ]);
}
