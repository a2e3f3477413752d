import { readFileSync } from 'node:fs';
import { AppError } from '../../base/errors.ts';
import { issueInvitation } from '../../link/authority.ts';
import type { Identity } from '../../link/authority.ts';
import { checkSiteName, MAX_SITE_NUMBER } from '../config/config.ts';
import { siteFolder } from '../config/folder.ts';

/** Builds that know only the first one would go on with the key that is in the invitation. */
const FORMATS = ['syncline-invitation-1', 'syncline-invitation-2'] as const;
/** How long an invitation is good where nothing else is said. */
export const DEFAULT_LIFETIME = '24h';

/**
 * What a new site is given to join a group: a certificate that gets it one of its own, and the way to a member. Whoever
 * has it can join as that site as long as it is good, so it is a secret.
 */
export interface Invitation {
  format: (typeof FORMATS)[number];
  group: string;
  site: string;
  number: number;
  /** The member that gives the base copy. */
  via: { name: string; address: string };
  /** The member that certifies the site's key: it made the invitation. */
  by?: { name: string; address: string };
  /** Until when it is good (ISO 8601). Without it `identity` is that of the site itself: an earlier build made it. */
  expires?: string;
  authority: string;
  identity: Identity;
}

/**
 * The certificates of a site.
 *
 * @throws AppError CERTIFICATE_MISSING
 */
export function readIdentity(root: string): { authority: string; identity: Identity } {
  const folder = siteFolder(root);
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new AppError('CERTIFICATE_MISSING', `Cannot read "${path}"`, {
        hint: 'Put the folder tls back from a copy; without one the site joins afresh (docs/operating/recover.md)',
        cause: error,
      });
    }
  };
  return {
    authority: read(folder.authority),
    identity: { certificate: read(folder.certificate), key: read(folder.key) },
  };
}

/**
 * Issues an invitation. Only a site that has the authority's key can.
 *
 * @param reserve gives the number of the new site; called when nothing else can fail any more, since name and number
 *   cannot be taken back
 * @throws AppError NOT_THE_AUTHORITY, and what `reserve` throws
 */
export async function makeInvitation(
  root: string,
  options: Pick<Invitation, 'group' | 'site' | 'via'> & { lifetimeMs: number },
  reserve: () => Promise<number>,
): Promise<Invitation> {
  const { lifetimeMs, ...said } = options;
  const authority = readAuthority(root);
  const expires = new Date(Date.now() + lifetimeMs);
  const identity = await issueInvitation(
    authority,
    { group: said.group, name: said.site },
    expires,
  );
  const number = await reserve();
  return {
    ...{ format: FORMATS[1], ...said, by: said.via, number, expires: expires.toISOString() },
    ...{ authority: authority.certificate, identity },
  };
}

/**
 * The authority of the group with its key, where that is.
 *
 * @throws AppError NOT_THE_AUTHORITY
 */
export function readAuthority(root: string): Identity {
  const folder = siteFolder(root);
  let key: string;
  try {
    key = readFileSync(folder.authorityKey, 'utf8');
  } catch (error) {
    throw new AppError('NOT_THE_AUTHORITY', 'This site does not have the key of the group', {
      hint: `Do it at the site that began the group, or put a copy of its tls/group.key at ${folder.authorityKey}`,
      cause: error,
    });
  }
  return { certificate: readFileSync(folder.authority, 'utf8'), key };
}

/**
 * Reads an invitation.
 *
 * @throws AppError INVITATION_INVALID
 */
export function readInvitation(file: string): Invitation {
  let found: Partial<Invitation>;
  try {
    found = JSON.parse(readFileSync(file, 'utf8')) as Partial<Invitation>;
  } catch (error) {
    throw invalid(file, (error as Error).message, error);
  }
  const complete =
    found.format !== undefined &&
    FORMATS.includes(found.format) &&
    (found.format === FORMATS[0] || !Number.isNaN(Date.parse(String(found.expires)))) &&
    typeof found.group === 'string' &&
    Number.isInteger(found.number) &&
    found.number! >= 1 &&
    found.number! <= MAX_SITE_NUMBER &&
    typeof found.via?.address === 'string' &&
    typeof found.authority === 'string' &&
    typeof found.identity?.key === 'string';
  if (!complete) throw invalid(file, `it is no ${FORMATS.join(', or ')}`);
  checkSiteName(String(found.site));
  return found as Invitation;
}

function invalid(file: string, why: string, cause?: unknown): AppError {
  return new AppError('INVITATION_INVALID', `"${file}" is not an invitation: ${why}`, {
    hint: 'Make one at a member of the group: syncline invite NAME > FILE',
    cause,
  });
}
