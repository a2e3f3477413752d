import { Command, Option } from 'commander';
import { AppError } from '../../base/errors.ts';
import { PeerConnection } from '../../link/client.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { withConnection } from '../../postgres/connect.ts';
import { ComparedSite } from '../../repair/remote.ts';
import { verifySites } from '../../repair/verify.ts';
import type { DifferenceReport, VerifyReport } from '../../repair/verify.ts';
import { parseAddress } from '../../site/config/address.ts';
import { modelsHash, readMembers, readModels } from '../../site/database/catalog.ts';
import type { InstalledModel, Member } from '../../site/database/catalog.ts';
import { readConfig } from '../../site/config/config.ts';
import type { SiteConfig } from '../../site/config/config.ts';
import { readIdentity } from '../../site/create/group.ts';
import { sayWhenInterrupted } from '../interruption.ts';
import { dirOption, jsonOption, wholeNumber } from '../options.ts';
import { formatTable } from '../table.ts';
import { visible } from '../visible.ts';

interface Options {
  dir: string;
  json: boolean;
  peer: string[];
  entity: string[];
  repair: boolean;
  dryRun: boolean;
  limit: number;
  wait: number;
}

/** `syncline verify`: do the sites have the same rows, and if not, which, and make them equal. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare this site with its peers while they work; repair rows that differ')
    .addOption(dirOption())
    .addOption(jsonOption())
    .option('--peer <name...>', 'only with these members; without it with all active ones', [])
    .option('--entity <name...>', 'only these entities', [])
    .option('--repair', 'make the rows equal at all compared sites', false)
    .option('--dry-run', 'with --repair: only say what would be done', false)
    .option('--limit <n>', 'longest list of differences', wholeNumber(0, 100_000), 50)
    .addOption(
      new Option('--wait <seconds>', 'how long a site may take to apply what the others have')
        .argParser(wholeNumber(1, 3600))
        .default(30),
    )
    .action(async (options: Options) => {
      sayWhenInterrupted(
        options.repair
          ? 'Rows that were mended stay mended: run it again for the others'
          : 'The comparison was ended',
      );
      const report = await run(options);
      console.log(options.json ? JSON.stringify(report) : visible(describe(report)));
      process.exitCode = report.equal ? 0 : 1;
    });
}

async function run(options: Options): Promise<VerifyReport> {
  const { config, members, models } = await look(options.dir);
  const entities = chosenEntities(models, options.entity);
  const chosen = chosenMembers(config, members, options.peer);
  const open = (peer: Address) => openSite(options.dir, { config, models, peer });
  const sites: ComparedSite[] = [];
  const witnesses: ComparedSite[] = [];
  try {
    // This site's own agent is asked in the same way as the others': it knows what is under way.
    sites.push(await open({ name: config.site, number: config.number, ...ownAddress(config) }));
    for (const member of chosen) sites.push(await open(addressOf(member)));
    for (const member of otherMembers(config, members)) {
      if (chosen.includes(member)) continue;
      const found = await open(addressOf(member)).catch(() => undefined);
      if (found !== undefined) witnesses.push(found);
    }
    return await verifySites(sites, entities, {
      ...{ repair: options.repair && !options.dryRun, limit: options.limit, witnesses },
      waitMs: options.wait * 1000,
    });
  } finally {
    for (const site of [...sites, ...witnesses]) site.close();
  }
}

interface Found {
  config: SiteConfig;
  members: Member[];
  models: InstalledModel[];
}

function look(dir: string): Promise<Found> {
  const config = readConfig(dir);
  return withConnection(config.database.url, 'syncline verify', async (client) => ({
    ...{ config, members: await readMembers(client), models: await readModels(client) },
  }));
}

/** @throws AppError ENTITY_UNKNOWN */
function chosenEntities(models: readonly InstalledModel[], names: readonly string[]): Entity[] {
  const all = models.flatMap((model) => model.ir.entities);
  for (const name of names) {
    if (all.some((entity) => entity.name === name)) continue;
    throw new AppError('ENTITY_UNKNOWN', `There is no entity "${name}"`, {
      hint: `There are: ${all.map((entity) => entity.name).join(', ')}`,
    });
  }
  return names.length === 0 ? all : all.filter((entity) => names.includes(entity.name));
}

/** @throws AppError MEMBER_UNKNOWN, or VERIFY_ALONE when there is nobody to be compared with */
function chosenMembers(
  config: SiteConfig,
  members: readonly Member[],
  names: readonly string[],
): Member[] {
  const others = otherMembers(config, members);
  for (const name of names) {
    if (others.some((member) => member.name === name)) continue;
    throw new AppError('MEMBER_UNKNOWN', `"${name}" is no active member besides this site`, {
      hint: `There are: ${others.map((member) => member.name).join(', ')}`,
    });
  }
  if (others.length === 0) {
    throw new AppError('VERIFY_ALONE', 'There is no other site to compare with', {
      hint: 'A site joins with syncline invite and syncline join',
    });
  }
  return names.length === 0 ? others : others.filter((member) => names.includes(member.name));
}

function otherMembers(config: SiteConfig, members: readonly Member[]): Member[] {
  return members.filter(
    ({ name, state, address }) => name !== config.site && state === 'active' && address !== null,
  );
}

interface Address {
  name: string;
  number: number;
  host: string;
  port: number;
}

function addressOf({ name, number, address }: Member): Address {
  return { name, number, ...parseAddress('the member’s address', address ?? '') };
}

async function openSite(
  dir: string,
  to: { config: SiteConfig; models: readonly InstalledModel[]; peer: Address },
): Promise<ComparedSite> {
  const { config, models, peer } = to;
  const connection = await PeerConnection.open({
    ...{ group: config.group, ...readIdentity(dir), peer },
  });
  return new ComparedSite(peer, connection, modelsHash(models));
}

/** Where the agent of this site listens, as seen from its own machine. */
function ownAddress({ link }: SiteConfig): { host: string; port: number } {
  const everywhere = new Map([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
  ]);
  return { host: everywhere.get(link.host) ?? link.host, port: link.port };
}

function describe(report: VerifyReport): string {
  const header = ['entity', 'rows', 'missing', 'resurrected', 'different', 'altered', 'repaired'];
  const counts = report.entities.map((entity) => [
    ...[entity.entity, entity.rows, entity.missing, entity.resurrected],
    ...[entity.different, entity.altered, entity.repaired, entity.unsettled],
  ]);
  const { differences } = report;
  const found = report.entities.reduce(
    (sum, one) => sum + one.missing + one.resurrected + one.different + one.altered,
    0,
  );
  return [
    formatTable([...header, 'unsettled'], counts),
    ...(differences.length === 0 ? [] : ['', ...differences.map(line)]),
    ...(found > differences.length ? [`… and ${found - differences.length} more (--limit)`] : []),
    ...['', lastLine(report, found)],
  ].join('\n');
}

/** `lease 42: altered; muc: update name from ber (author) — repaired` */
function line({ entity, key, kind, mend, outcome, reason }: DifferenceReport): string {
  const what = mend.map(({ site, do: action, groups }) => {
    const parts = groups.map(({ name, from, why }) => `${name} from ${from} (${why})`);
    return `; ${site}: ${[action, parts.join(', ')].join(' ').trim()}`;
  });
  const end = outcome === 'found' ? '' : ` — ${outcome}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  return `${entity} ${Object.values(key).join(' ')}: ${kind}${what.join('')}${end}${why}`;
}

function lastLine(report: VerifyReport, found: number): string {
  const repaired = report.entities.reduce((sum, entity) => sum + entity.repaired, 0);
  const unsettled = report.entities.reduce((sum, entity) => sum + entity.unsettled, 0);
  const said = [
    `${report.sites.join(', ')}: ${report.equal ? 'equal' : 'NOT equal'}`,
    `${found} rows differed`,
    ...(repaired > 0 ? [`${repaired} repaired`] : []),
    ...(unsettled > 0 ? [`${unsettled} kept changing or are under way: run again`] : []),
    `${report.rows} rows in ${report.seconds.toFixed(1)} s (${report.rowsPerSecond} rows/s)`,
  ];
  return said.join('; ');
}
