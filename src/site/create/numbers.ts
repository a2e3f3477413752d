import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { inTransaction } from '../../postgres/transaction.ts';
import { MAX_SITE_NUMBER } from '../config/config.ts';
import { readMembers, upsertMember } from '../database/catalog.ts';
import type { Member } from '../database/catalog.ts';

/**
 * Notes a site that is invited, and gives it a number; a number is never given twice. One that is invited already, or
 * whose join broke off, keeps its own.
 *
 * @param dsn of the agent's role, or of a superuser
 * @param wanted its number; the next free one by default
 * @throws AppError MEMBER_EXISTS, MEMBER_NUMBER
 */
export async function reserveNumber(dsn: string, name: string, wanted?: number): Promise<number> {
  return inMembers(dsn, async (client, members) => {
    const known = members.find((member) => member.name === name);
    if (known?.state === 'invited' || known?.state === 'joining') return known.number;
    if (known !== undefined) throw memberExists(known);
    return note(client, { name, members, ...(wanted === undefined ? {} : { wanted }) });
  });
}

/**
 * The number with which a site joins that has an invitation: its own, or another one where a site joined with that
 * number that a member gave without knowing of the invitation.
 *
 * @returns undefined for a site that nobody invited here, and for one that has joined or left
 * @throws AppError MEMBER_NUMBER
 */
export async function joinNumber(
  dsn: string,
  { name, invited }: { name: string; invited: number },
): Promise<number | undefined> {
  return inMembers(dsn, async (client, members) => {
    const known = members.find((member) => member.name === name);
    if (known?.state === 'invited' || known?.state === 'joining') return known.number;
    return known === undefined && members.some(({ number }) => number === invited)
      ? note(client, { name, members })
      : undefined;
  });
}

function inMembers<T>(
  dsn: string,
  work: (client: Client, members: readonly Member[]) => Promise<T>,
): Promise<T> {
  return withConnection(dsn, 'syncline invite', (client) =>
    inTransaction(client, async () => {
      // Two at once would give one number to both.
      await client.query('LOCK TABLE crp.member IN SHARE ROW EXCLUSIVE MODE');
      return work(client, await readMembers(client));
    }),
  );
}

async function note(
  client: Client,
  { name, members, wanted }: { name: string; members: readonly Member[]; wanted?: number },
): Promise<number> {
  const number = wanted ?? freeNumber(members.map((member) => member.number));
  if (members.some((member) => member.number === number)) {
    throw new AppError('MEMBER_NUMBER', `Another member has the number ${number}`, {
      hint: 'Leave --number out: the next free one is taken',
    });
  }
  await upsertMember(client, { name, number, address: null, incarnation: 1, state: 'invited' });
  return number;
}

/** Says of a member that it cannot join. */
export function memberExists({ name, state }: Pick<Member, 'name' | 'state'>): AppError {
  return state === 'left'
    ? new AppError('MEMBER_EXISTS', `Site "${name}" was a member of the group and has left`, {
        hint: 'Names are given once: choose another one',
      })
    : new AppError('MEMBER_EXISTS', `Site "${name}" is a member of the group already`, {
        hint: 'Choose another name; syncline status lists the members',
      });
}

/**
 * A number that was never given: after all that were, as long as there is one, or between them.
 *
 * @throws AppError MEMBER_NUMBER when all were given
 */
export function freeNumber(given: readonly number[]): number {
  const next = Math.max(0, ...given) + 1;
  if (next <= MAX_SITE_NUMBER) return next;
  const taken = new Set(given);
  for (let number = 1; number <= MAX_SITE_NUMBER; number++) if (!taken.has(number)) return number;
  throw new AppError('MEMBER_NUMBER', `All ${MAX_SITE_NUMBER} numbers of the group were given`, {
    hint: 'A site that has left keeps its number: begin a new group (syncline init)',
  });
}
