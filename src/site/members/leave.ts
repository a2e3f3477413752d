import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { AppError, describeError } from '../../base/errors.ts';
import { until } from '../../base/until.ts';
import type { Journal } from '../../journal/journal.ts';
import type { Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { tableOf } from '../../sql/names/apply-names.ts';
import { CAPTURED, WAL_END } from '../../sql/checks/verify.ts';
import type { Greeter } from './greeter.ts';
import type { Members } from './members.ts';
import type { Peer } from './peer.ts';

/** How long the others may take for what is here already, and how long writers are stopped for the rest. */
const CATCH_UP_MS = 60_000;
const DRAIN_MS = 30_000;
/** Between two looks how far they are; between two greetings, which say it of other origins. */
const LOOK_MS = 50;
const GREETING_MS = 1_000;
/**
 * Longest time to come by the locks of all tables in one go: less than `deadlock_timeout` (1 s), so a service that
 * waits for one of them is never ended for a deadlock with us. Then it has the tables for itself for a while.
 */
const LOCK_MS = 800;
const LOCK_TRIES = 30;
const LOCK_PAUSE_MS = 300;
/** The whole of it, for whoever asks the agent. */
export const LEAVE_LIMIT_MS =
  CATCH_UP_MS + DRAIN_MS + LOCK_TRIES * (LOCK_MS + LOCK_PAUSE_MS) + 30_000;

export interface LeaveContext {
  dsn: string;
  slot: string;
  site: { name: string; number: number };
  models: readonly Model[];
  members: Members;
  greeter: Greeter;
  journal: Journal;
}

/** What became of it. */
export interface LeaveReport {
  /** Members that have everything, and know. The others learn it from them. */
  told: string[];
  /** Members for which this site was none any more before: nothing was handed over then. */
  dismissedBy: string[];
  /** How long writers were stopped. */
  stoppedMs: number;
}

/**
 * Takes this site out of the group: waits until the other members have applied all that was written here, and have
 * what else only this site may have; stops writers for the last of it; tells the members. For the site's own
 * database all others have left then.
 *
 * @param without members that are not waited for when they cannot be reached; they get it from the others
 * @throws AppError MEMBER_UNKNOWN, LEAVE_UNREACHABLE, LEAVE_JOINING, LEAVE_BUSY, LEAVE_TIMEOUT; the site is then a
 * member as before
 */
export async function leaveGroup(
  context: LeaveContext,
  without: readonly string[],
): Promise<LeaveReport> {
  const { members, greeter, journal, site } = context;
  await greeter.greetAll();
  const client = await connect(context.dsn, 'syncline leave');
  try {
    // Removed, or the end of an attempt that was cut off after the members were told.
    const dismissedBy = members.dismissedBy();
    if (dismissedBy.length > 0) {
      await forgetGroup(client);
      return { told: [], dismissedBy, stoppedMs: 0 };
    }
    const takers = checkMembers(members, without);
    const catchUp = { takers, goal: journal.position(site.number), deadline: after(CATCH_UP_MS) };
    await taken(context, catchUp);
    await lockTables(client, context.models);
    const stoppedAt = Date.now();
    const told = await drainAndTell(client, context, takers);
    // A crash before the commit: the site still counts itself in, the members do not, and it leaves anew as above.
    await forgetGroup(client);
    await client.query('COMMIT');
    return { told, dismissedBy, stoppedMs: Date.now() - stoppedAt };
  } finally {
    // Ends the transaction too, if it is not committed: writers go on.
    await client.end().catch(() => undefined);
  }
}

async function drainAndTell(
  client: Client,
  context: LeaveContext,
  takers: readonly Peer[],
): Promise<string[]> {
  const { journal, site, greeter, slot } = context;
  const deadline = after(DRAIN_MS);
  const { rows } = await client.query<{ position: string }>(WAL_END);
  await awaited(deadline, 'this site’s own journal', async () => {
    const seen = await client.query<{ captured: boolean }>(CAPTURED, [slot, rows[0]!.position]);
    return seen.rows[0]?.captured === true;
  });
  await taken(context, { takers, goal: journal.position(site.number), deadline });
  const told = await greeter.tellLeft();
  if (told.length === 0 && takers.length > 0) throw unreachable(takers[0]!.member.name);
  return told;
}

/** The members that take what is here. */
function checkMembers(members: Members, without: readonly string[]): Peer[] {
  const others = members.others();
  const unknown = without.find((name) => !others.some((member) => member.name === name));
  if (unknown !== undefined) {
    throw new AppError('MEMBER_UNKNOWN', `Site "${unknown}" is no other member of the group`, {
      hint: `The others are ${others.map(({ name }) => name).join(', ')}`,
    });
  }
  for (const { name, state } of others) {
    if (state === 'invited' || without.includes(name)) continue;
    if (state === 'joining') {
      throw new AppError('LEAVE_JOINING', `Site "${name}" is joining the group`, {
        hint: 'Leave when it has joined; syncline status shows it',
        retry: 'later',
      });
    }
    if (members.peer(name)?.answered === undefined) throw unreachable(name);
  }
  const takers = members.peers().filter((peer) => peer.answered !== undefined);
  if (takers.length === 0 && without.length > 0) {
    throw new AppError('LEAVE_UNREACHABLE', 'No member can be reached to take what is here', {
      hint: 'If they are gone for good, remove them first: syncline remove NAME',
      retry: 'later',
    });
  }
  return takers;
}

function unreachable(name: string): AppError {
  return new AppError('LEAVE_UNREACHABLE', `Site "${name}" cannot be reached`, {
    hint:
      `It has to take what is here: start it (syncline up, there). If the others may hand it over later: ` +
      `syncline leave --without ${name}. If it is gone for good: syncline remove ${name}`,
    retry: 'later',
  });
}

interface Handover {
  takers: readonly Peer[];
  /** Own position that all of them must have applied. */
  goal: bigint;
  /** By `performance.now()`. */
  deadline: number;
}

/** Waits until the takers have all that is here. */
async function taken(context: LeaveContext, { takers, goal, deadline }: Handover): Promise<void> {
  const { greeter, journal, site } = context;
  for (const { member, acknowledged } of takers) {
    // Applied, and in the journal too: members that are away, or about to join, get it from there.
    await awaited(
      deadline,
      `site "${member.name}"`,
      () => acknowledged.applied >= goal && acknowledged.durable >= goal,
    );
  }
  // Of a site that is away, or has left, this one may have what nobody else has; the others relay it from here.
  const away = journal
    .origins()
    .filter((origin) => origin !== site.number)
    .filter((origin) => !takers.some((peer) => peer.member.number === origin));
  let greeted = Date.now();
  for (const origin of away) {
    const wanted = journal.position(origin);
    await awaited(deadline, `the others: what is here of site ${origin}`, async () => {
      if (Date.now() - greeted > GREETING_MS) {
        await greeter.greetAll();
        greeted = Date.now();
      }
      return takers.every((peer) => (peer.knows?.get(origin) ?? 0n) >= wanted);
    });
  }
}

function after(ms: number): number {
  return performance.now() + ms;
}

/** @throws AppError LEAVE_TIMEOUT */
async function awaited(
  deadline: number,
  who: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  if (await until({ deadline, everyMs: LOOK_MS }, holds)) return;
  throw new AppError('LEAVE_TIMEOUT', `Not everything that is here was taken in time by ${who}`, {
    hint: 'syncline status shows how far it is behind; try again when it has caught up',
    retry: 'later',
  });
}

/** SHARE: nobody writes, also not apply, until the transaction ends. */
async function lockTables(client: Client, models: readonly Model[]): Promise<void> {
  const tables = models.flatMap((model) => model.entities).map(tableOf);
  for (let attempt = 1; ; attempt++) {
    await client.query('BEGIN');
    try {
      await client.query(`SET LOCAL statement_timeout = ${LOCK_MS}`);
      if (tables.length > 0) await client.query(`LOCK TABLE ${tables.join(', ')} IN SHARE MODE`);
      await client.query('SET LOCAL statement_timeout = 0');
      return;
    } catch (error) {
      await client.query('ROLLBACK');
      // query_canceled, lock_not_available, deadlock_detected
      const busy = ['57014', '55P03', '40P01'].includes((error as { code?: string }).code ?? '');
      if (!busy) throw error;
      if (attempt === LOCK_TRIES) throw stillBusy(error);
      await delay(LOCK_PAUSE_MS);
    }
  }
}

function stillBusy(error: unknown): AppError {
  return new AppError('LEAVE_BUSY', `Writers cannot be stopped: ${describeError(error)}`, {
    hint: 'A transaction that writes stays open: end it, or stop the service, and try again',
    retry: 'later',
    cause: error,
  });
}

/** For this database all members have left, itself too: what they own is free. */
async function forgetGroup(client: Client): Promise<void> {
  await client.query(`UPDATE crp.member SET state = 'left' WHERE state <> 'left'`);
}
