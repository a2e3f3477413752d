import { Command } from 'commander';
import type { Model } from '../../model/ir/ir.ts';
import { withConnection } from '../../postgres/connect.ts';
import { hasLeft, readMembers, readModels } from '../../site/database/catalog.ts';
import { readConfig } from '../../site/config/config.ts';
import type { SiteConfig } from '../../site/config/config.ts';
import { askAgent } from '../../site/agent/control.ts';
import { slotName } from '../../site/create/create-database.ts';
import { embeddedCluster } from '../../site/database/embedded.ts';
import { LEAVE_LIMIT_MS } from '../../site/members/leave.ts';
import type { LeaveReport } from '../../site/members/leave.ts';
import {
  dropOriginsStatement,
  dropSlot,
  release,
  releaseStatements,
} from '../../site/database/left.ts';
import { databaseOption, dirOption } from '../options.ts';
import { agentEnded } from './down.ts';

interface Options {
  dir: string;
  without: string[];
  database?: string;
}

/** `syncline leave`: the site leaves its group in order (docs/operating/group.md). */
export function leaveCommand(): Command {
  return new Command('leave')
    .description(
      'leave the group: the others take what was written here, then the site is on its own (docs/operating/group.md)',
    )
    .addOption(dirOption())
    .option('--without <site...>', 'do not wait for these members if they cannot be reached', [])
    .addOption(
      databaseOption(
        'superuser of the site’s database, to remove triggers; the embedded server’s is known',
      ),
    )
    .action(async (options: Options) => {
      const config = readConfig(options.dir);
      await embeddedCluster(config)?.start();
      const { url } = config.database;
      const { left, models } = await withConnection(url, 'syncline leave', async (client) => ({
        left: hasLeft(await readMembers(client), config.site),
        models: (await readModels(client)).map(({ ir }) => ir),
      }));
      const report = left ? undefined : await leave(options);
      // Also where the command was cut off after the site had left: what follows may be done twice.
      await agentEnded(options.dir, LEAVE_LIMIT_MS);
      await dropSlot(url, slotName(config.group, config.site));
      const adminUrl = options.database ?? config.database.adminUrl;
      if (adminUrl !== undefined) await release(adminUrl, config.site, models);
      console.log(text(config, { report, models, released: adminUrl !== undefined }));
    });
}

async function leave({ dir, without }: Options): Promise<LeaveReport> {
  const argument = without.join(',');
  return (await askAgent(dir, 'leave', { argument, limitMs: LEAVE_LIMIT_MS })) as LeaveReport;
}

interface Outcome {
  /** Undefined where the site had left before. */
  report: LeaveReport | undefined;
  models: readonly Model[];
  released: boolean;
}

function text(config: SiteConfig, { report, models, released }: Outcome): string {
  const told = report?.told ?? [];
  const dismissed = report?.dismissedBy ?? [];
  const how =
    dismissed.length > 0
      ? `. It was removed before, says ${dismissed.join(', ')}: what was written here since then is here only`
      : told.length > 0
        ? `; everything is at ${told.join(', ')}`
        : '';
  const lines = [
    `Site "${config.site}" has left group "${config.group}"${how}.`,
    ...(told.length > 0 ? [`Writers waited ${(report!.stoppedMs / 1000).toFixed(1)} s.`] : []),
    '',
    '  ended    its agent',
    '  removed  its replication slot',
    '  kept     the tables with their rows, and what their model forbids; crp.conflict and crp.waiting',
  ];
  if (released) {
    lines.push('  removed  the triggers that record deletes and histories, and the publication');
    return lines.join('\n');
  }
  const statements = [...releaseStatements(models), dropOriginsStatement(config.site)];
  return [
    ...lines,
    '',
    'Its triggers go on recording deletes and histories, which nobody reads. A superuser ends that: give one to this',
    'command (syncline leave --database URI, it may be run again), or run',
    '',
    ...statements.map((statement) => `  ${statement};`),
  ].join('\n');
}
