import { AppError } from '../../base/errors.ts';
import { PeerConnection } from '../../link/client.ts';
import type { PeerOptions } from '../../link/client.ts';
import type { Member } from '../database/catalog.ts';
import { isAddress } from '../config/address.ts';
import { isSiteName, isSiteNumber } from '../config/config.ts';
import { isHealth } from './health.ts';
import type { Health } from './health.ts';

/** What two members tell each other from time to time. */
export interface Greeting {
  /** The speaker. */
  site: Member;
  /** All members that the speaker knows of. */
  members: Member[];
  /** Up to where the speaker has each origin on disk in its database; decimal texts. */
  applied: [origin: number, position: string][];
  /** The speaker's last complete mark (marks.ts). */
  mark: { sequence: number; position: string };
  /** Sites that have left and of which the speaker has something that it has not applied yet. */
  pending?: number[];
  /** Sites that the speaker is connected to now. */
  connected?: number[];
  /** What the speaker's journal has; see `Statement` (extent.ts). */
  gone?: number[];
  journal?: [origin: number, position: string][];
  /** The speaker waits for everything up to this stamp to be stable: all sites are to stamp after it (stability.ts). */
  above?: string;
  /** Names this run of the speaker's agent (doubles.ts). */
  run?: string;
  /** Which revisions of models the speaker has, as `modelsHash` writes them. */
  models?: string;
  /** How the speaker's own parts do. */
  health?: Health;
}

/**
 * Exchanges greetings with a member.
 *
 * @throws AppError of the link
 */
export async function greet(peer: PeerOptions, greeting: Greeting): Promise<Greeting> {
  const connection = await PeerConnection.open(peer);
  try {
    return checkGreeting(await connection.call('/v1/hello', greeting), peer.peer.name);
  } finally {
    connection.close();
  }
}

/**
 * Checks what came from outside before anything is done with it.
 *
 * @param speaker the name in the certificate
 * @throws AppError LINK_PROTOCOL
 */
export function checkGreeting(value: unknown, speaker: string): Greeting {
  const greeting = value as Partial<Greeting> | null;
  const fine =
    greeting !== null &&
    isMember(greeting.site) &&
    greeting.site.name === speaker &&
    isList(greeting.members, isMember) &&
    isList(greeting.applied, isPosition) &&
    isPosition([greeting.mark?.sequence, greeting.mark?.position]) &&
    isPosition([0, greeting.above ?? '0']) &&
    ['string', 'undefined'].includes(typeof greeting.models) &&
    ['string', 'undefined'].includes(typeof greeting.run) &&
    isList(greeting.pending ?? [], Number.isInteger) &&
    isList(greeting.connected ?? [], Number.isInteger) &&
    isList(greeting.gone ?? [], Number.isInteger) &&
    isList(greeting.journal ?? [], isPosition) &&
    (greeting.health === undefined || isHealth(greeting.health));
  if (fine) return greeting as Greeting;
  throw new AppError('LINK_PROTOCOL', `"${speaker}" said something that is no greeting`, {
    hint: 'The sites may run different versions of Syncline',
    retry: 'later',
  });
}

/** Members are written into the database, and a site connects to their addresses. */
export function isMember(value: unknown): value is Member {
  const member = value as Partial<Member> | null | undefined;
  return (
    isSiteName(member?.name) &&
    isSiteNumber(member?.number) &&
    (member?.address === null || isAddress(member?.address)) &&
    Number.isInteger(member.incarnation) &&
    ['invited', 'joining', 'active', 'left'].includes(String(member.state))
  );
}

function isList(value: unknown, fits: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((one: unknown) => fits(one));
}

function isPosition(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    Number.isInteger(value[0]) &&
    typeof value[1] === 'string' &&
    /^\d{1,20}$/.test(value[1])
  );
}
