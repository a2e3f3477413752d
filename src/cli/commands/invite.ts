import { fchmodSync, fstatSync } from 'node:fs';
import { Command } from 'commander';
import { AppError } from '../../base/errors.ts';
import { withConnection } from '../../postgres/connect.ts';
import { inTransaction } from '../../postgres/transaction.ts';
import { readMembers, upsertMember } from '../../site/database/catalog.ts';
import type { Member } from '../../site/database/catalog.ts';
import { checkSiteName, MAX_SITE_NUMBER, readConfig } from '../../site/config/config.ts';
import { makeInvitation } from '../../site/create/group.ts';
import { dirOption, wholeNumber } from '../options.ts';

interface Options {
  dir: string;
  number?: number;
}

/** `syncline invite NAME`: prints what a new site needs to join. */
export function inviteCommand(): Command {
  return new Command('invite')
    .description('invite a site into the group; prints the invitation, which is a secret')
    .argument('<name>', 'name of the new site')
    .addOption(dirOption())
    .option(
      '--number <number>',
      'its number; the next free one by default',
      wholeNumber(1, MAX_SITE_NUMBER),
    )
    .action(async (name: string, options: Options) => {
      const config = readConfig(options.dir);
      const site = checkSiteName(name);
      const via = { name: config.site, address: config.link.address };
      const invitation = await makeInvitation(options.dir, { group: config.group, site, via }, () =>
        reserve(config.database.url, site, options.number),
      );
      keepSecret();
      console.log(JSON.stringify(invitation, null, 2));
    });
}

/** A file that the invitation is redirected into is made readable by its owner only: a shell makes it for everybody. */
function keepSecret(): void {
  try {
    if (fstatSync(1).isFile()) fchmodSync(1, 0o600);
  } catch {
    // Somebody else's file: it is as he made it.
  }
}

/** Notes the member; a number is never given twice. */
async function reserve(dsn: string, name: string, wanted?: number): Promise<number> {
  return withConnection(dsn, 'syncline invite', (client) =>
    inTransaction(client, async () => {
      // Two at once would give one number to both.
      await client.query('LOCK TABLE crp.member IN SHARE ROW EXCLUSIVE MODE');
      const members = await readMembers(client);
      const known = members.find((member) => member.name === name);
      if (known?.state === 'invited') return known.number;
      if (known !== undefined) throw exists(known);
      const number = wanted ?? freeNumber(members.map((member) => member.number));
      if (members.some((member) => member.number === number)) {
        throw new AppError('MEMBER_NUMBER', `Another member has the number ${number}`, {
          hint: 'Leave --number out: the next free one is taken',
        });
      }
      await upsertMember(client, { name, number, address: null, incarnation: 1, state: 'invited' });
      return number;
    }),
  );
}

function exists({ name, state }: Member): AppError {
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
