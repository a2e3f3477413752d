import type { Client } from 'pg';
import { notePosition, notedPosition, noteVector } from '../../capture/confirmation.ts';
import { requireWritten } from '../../capture/continuity.ts';
import { ensureSlot, readSlot } from '../../capture/setup.ts';
import { LmdbJournal } from '../../journal/journal-lmdb.ts';
import { readProgress } from '../database/catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import { slotName } from '../create/create-database.ts';
import { siteFolder } from '../config/folder.ts';
import { look } from './found.ts';
import { dropSlot } from '../database/left.ts';
import { connectAlone } from './only-agent.ts';
import { noteSince } from './own-history.ts';

export interface RecaptureReport {
  /** What the journal has of this site, */
  from: bigint;
  /** and where capture begins: in between there may be changes that nobody else will get. */
  to: bigint;
  /** False where nothing is missing in between. */
  gap: boolean;
}

/**
 * Has capture go on where the slot or the journal was lost. What the site wrote in between stays in its tables; the
 * comparison of sites finds it. The agent must not run.
 *
 * @throws AppError SITE_REWOUND, AGENT_ELSEWHERE, and those of `look`
 */
export async function recapture(root: string, config: SiteConfig): Promise<RecaptureReport> {
  const { url } = config.database;
  const client = await connectAlone(url, 'syncline recapture');
  try {
    await look(client, config);
    const { quotaBytes } = config.journal;
    const journal = LmdbJournal.open({ path: siteFolder(root).journal, quotaBytes });
    try {
      return await goOn(client, journal, config);
    } finally {
      await journal.close();
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function goOn(
  client: Client,
  journal: LmdbJournal,
  config: SiteConfig,
): Promise<RecaptureReport> {
  const { number, database } = config;
  const slot = slotName(config.group, config.site);
  const from = journal.position(number);
  const before = await readSlot(database.url, slot);
  requireWritten(before.written, from);
  if (before.slot?.lost === true) await dropSlot(database.url, slot);
  const isThere = before.slot?.lost === false;
  const to = await ensureSlot(database.url, slot);
  const noted = notedPosition(journal);
  // A slot that is made now can begin before the noted place, where a dump was restored into a new server.
  if (isThere && noted !== undefined && to <= (noted > from ? noted : from)) {
    return { from, to, gap: false };
  }
  // After the slot began: what is captured from now on was made with knowledge of no more than that, or says so.
  const progress = await readProgress(client);
  for (const [origin, position] of progress) {
    // The database has it: a journal that was put back may ask in vain for what the others have forgotten.
    if (journal.position(origin) >= position) continue;
    await journal.trim(origin, journal.position(origin));
    await journal.startAt(origin, position);
  }
  await noteVector(journal, progress);
  await noteSince(journal, to);
  // Last: until then the agent says what is missing.
  await notePosition(journal, to);
  return { from, to, gap: true };
}
