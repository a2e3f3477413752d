import { IncomingBase } from '../../src/site/base-copy/base-load.ts';
import { lastPosition } from '../../src/site/base-copy/base-position.ts';
import { serveBase } from '../../src/site/base-copy/base-serve.ts';
import type { Copied } from '../../src/site/members/greeter.ts';
import { takeCopy } from '../../src/site/create/join.ts';
import { inProcess } from './in-process-copy.ts';
import type { ServeCopy } from './in-process-copy.ts';
import type { SteppedGroup } from './stepped-group.ts';
import { memberOf, STEPPED } from './stepped-members.ts';
import type { SteppedSite } from './stepped-site.ts';

/** What happens while a site joins. */
export interface JoinEvents {
  /** After the snapshot was taken, before anything of it is sent. */
  taken: () => Promise<void>;
  /** After all was sent, before the members have it. */
  sent: () => Promise<void>;
}

/** Has the next site of a group join as `syncline join` does. All members that are not known as left are up. */
export async function join(
  group: SteppedGroup,
  giver: SteppedSite,
  events: JoinEvents,
): Promise<SteppedSite> {
  const number = group.members.length + 1;
  await tell(group, giver, number, 'joining');
  const served = given(group, giver, events);
  const base = await IncomingBase.request(inProcess(served), { address: 'test', number });
  const site = await group.add(async (client) => {
    await takeCopy(client, base, STEPPED.get(number)!);
  });
  await tell(group, giver, number, 'active');
  return site;
}

/** All learn of a member, and what the giver knows of those that have left. */
async function tell(
  { sites }: SteppedGroup,
  giver: SteppedSite,
  number: number,
  state: 'joining' | 'active',
): Promise<void> {
  const left = await giver.members.gone();
  for (const site of sites) {
    if (site.number !== number) await site.learn(memberOf(number, state));
    for (const one of left) await site.learn(memberOf(one, 'left'));
  }
}

/** As the agent gives a base copy (src/site/agent/routes.ts). */
function given(group: SteppedGroup, giver: SteppedSite, events: JoinEvents): ServeCopy {
  return async (stream) => {
    const { dsn, slot, number, journal } = giver;
    await giver.announce(group.members);
    const after = giver.position;
    const source = { dsn, slot, site: { number }, journal: journal.asJournal() };
    const { signal } = new AbortController();
    await serveBase(dsn, stream, signal, {
      position: async (end) => {
        await events.taken();
        let over = false;
        const found = lastPosition(source, { after, end }, signal).finally(() => (over = true));
        const [position] = await Promise.all([found, captureUntil(giver, () => over)]);
        return position;
      },
      end: async (copied) => {
        await events.sent();
        haveTaken(group, giver, copied);
        return Buffer.alloc(0);
      },
    });
  };
}

async function captureUntil(site: SteppedSite, isOver: () => boolean): Promise<void> {
  while (!isOver()) await site.capture();
}

/** All members get what a copy has: the end of `Greeter.haveTaken`, which waits for it. */
function haveTaken(group: SteppedGroup, giver: SteppedSite, { position, known }: Copied): void {
  for (const [origin, upTo] of [...known, [giver.number, position] as const]) {
    const from = group.members.find(({ number }) => number === origin)!.journal;
    for (const { journal } of group.sites) {
      journal.pull(from, from.holding(upTo));
      journal.pull(from, from.holding(upTo), giver.journal);
    }
  }
}
