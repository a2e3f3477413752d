import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { readMembers, upsertMember } from '../database/catalog.ts';
import type { Greeter } from './greeter.ts';
import type { Members } from './members.ts';

export interface RemoveContext {
  client: () => Client;
  members: Members;
  greeter: Greeter;
  /** This site. */
  site: string;
}

/** What became of it. */
export interface RemoveReport {
  /** Members that know; the others learn it when they are up. */
  told: string[];
  /** Members that could not be reached. */
  silent: string[];
}

/**
 * Declares a member gone for good. What any of the others has of it counts and is relayed (departed.ts).
 *
 * @throws AppError REMOVE_SELF, MEMBER_UNKNOWN, REMOVE_CONNECTED
 */
export async function removeMember(context: RemoveContext, name: string): Promise<RemoveReport> {
  const { members, greeter, site } = context;
  if (name === site) {
    throw new AppError('REMOVE_SELF', `"${name}" is this site itself`, {
      hint: 'A site that is up leaves: syncline leave',
    });
  }
  const known = await readMembers(context.client());
  const member = known.find((candidate) => candidate.name === name);
  if (member === undefined || member.state === 'left') {
    const what = member === undefined ? 'is no member of the group' : 'has left the group already';
    const names = known.filter(({ state }) => state !== 'left').map((one) => one.name);
    throw new AppError('MEMBER_UNKNOWN', `Site "${name}" ${what}`, {
      hint: `The members are ${names.join(', ')}`,
    });
  }
  await greeter.greetAll();
  checkGone(members, { name, number: member.number });
  await upsertMember(context.client(), { ...member, state: 'left' });
  await members.refresh();
  await greeter.greetAll();
  const answered = (peer: string): boolean => members.peer(peer)?.answered !== undefined;
  const names = members.holders().map((one) => one.name);
  return { told: names.filter(answered), silent: names.filter((one) => !answered(one)) };
}

/** A site that is up goes on writing, and nobody would take it. Asked of all members that can be reached. */
function checkGone(members: Members, gone: { name: string; number: number }): void {
  const peer = members.peer(gone.name);
  const here = peer !== undefined && (peer.answered !== undefined || members.isConnected(peer));
  const elsewhere = members
    .peers()
    .find((one) => one.answered !== undefined && one.hears.has(gone.number));
  if (!here && elsewhere === undefined) return;
  const who = here ? 'this site' : `site "${elsewhere!.member.name}"`;
  throw new AppError('REMOVE_CONNECTED', `Site "${gone.name}" is up: ${who} is connected to it`, {
    hint: 'Let it leave in order: syncline leave, there. If it must go at once, stop its agent first: syncline down',
  });
}
