import { readFileSync } from 'node:fs';
import { AppError } from '../../base/errors.ts';
import { issueCertificate } from '../../link/authority.ts';
import type { Identity } from '../../link/authority.ts';
import { checkSiteName, MAX_SITE_NUMBER } from '../config/config.ts';
import { siteFolder } from '../config/folder.ts';

const FORMAT = 'syncline-invitation-1';

/**
 * What a new site is given to join a group: its certificate and the way to a member. Whoever has it can
 * join as that site, so it is a secret.
 */
export interface Invitation {
  format: typeof FORMAT;
  group: string;
  site: string;
  number: number;
  /** The member that gives the base copy. */
  via: { name: string; address: string };
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
  options: Pick<Invitation, 'group' | 'site' | 'via'>,
  reserve: () => Promise<number>,
): Promise<Invitation> {
  const authority = readAuthority(root);
  const site = { group: options.group, name: options.site };
  const identity = await issueCertificate(authority, site);
  const number = await reserve();
  return { format: FORMAT, ...options, number, authority: authority.certificate, identity };
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
    found.format === FORMAT &&
    typeof found.group === 'string' &&
    Number.isInteger(found.number) &&
    found.number! >= 1 &&
    found.number! <= MAX_SITE_NUMBER &&
    typeof found.via?.address === 'string' &&
    typeof found.authority === 'string' &&
    typeof found.identity?.key === 'string';
  if (!complete) throw invalid(file, `it is no ${FORMAT}`);
  checkSiteName(String(found.site));
  return found as Invitation;
}

function invalid(file: string, why: string, cause?: unknown): AppError {
  return new AppError('INVITATION_INVALID', `"${file}" is not an invitation: ${why}`, {
    hint: 'Make one at a member of the group: syncline invite NAME > FILE',
    cause,
  });
}
