import type { Client } from 'pg';
import { AppError, describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { PeerConnection } from '../../link/client.ts';
import { withConnection, withSuperuser } from '../../postgres/connect.ts';
import { lockDdl } from '../../sql/ddl/install-ddl.ts';
import { stridesDdl } from '../../sql/ddl/sequence-ddl.ts';
import { freshOf, makeChange, withUsage } from './adopt-change.ts';
import type { Change } from './adopt-change.ts';
import { planAdoption } from './adopt-plan.ts';
import type { AdoptPlan } from './adopt-plan.ts';
import { AdoptedRows } from './adopt-rows.ts';
import { requireEmpty } from '../database/adoption.ts';
import type { LockPolicy } from '../database/adoption.ts';
import { parseAddress } from '../config/address.ts';
import { readMembers, readModels } from '../database/catalog.ts';
import type { InstalledModel, Member } from '../database/catalog.ts';
import { readConfig } from '../config/config.ts';
import type { SiteConfig } from '../config/config.ts';
import { requireDown } from '../agent/control.ts';
import { readIdentity } from '../create/group.ts';
import { readLayout, readOwnSite, requireLayout } from '../database/layout.ts';
import { readServer } from '../database/provision.ts';
import { MODELS_PATH } from '../agent/routes.ts';

/** Where the rows come from that the group has. */
export type RowSource =
  /** Nobody has the model yet: what is here is what the group gets. */
  | { kind: 'first' }
  /** Another site has it: its rows are taken. */
  | { kind: 'from'; site: string }
  /** Others have it, and what is here stays: `syncline verify --repair` brings all together. */
  | { kind: 'keep' }
  /** Asks the others. */
  | { kind: 'ask' };

export interface AdoptRequest {
  root: string;
  model: InstalledModel;
  source: RowSource;
  /** Connection string of a superuser of the site's database. */
  adminUrl: string;
  locking: LockPolicy;
  log: Log;
}

export interface AdoptResult {
  plan: AdoptPlan;
  rows: number;
}

/**
 * Gives a site a model whose tables are there or are made, or a later revision of a model, while its services
 * go on writing. The agent does not run meanwhile; replication goes on when it is started again.
 *
 * @throws AppError those of `planAdoption`, of the source of the rows and of `withTableLocks`; then nothing
 *   was changed
 */
export async function adoptModel(request: AdoptRequest): Promise<AdoptResult> {
  const { root, source } = request;
  const config = readConfig(root);
  await requireDown(root);
  return withSuperuser(request.adminUrl, 'syncline adopt', async (admin) => {
    const plan = await preview(admin, config, request.model);
    const giver = await chooseGiver(admin, config, { root, source, plan });
    return withConnection(config.database.url, 'syncline adopt', async (client) => {
      const change: Change = { plan, config, locking: request.locking };
      if (giver === undefined) {
        await makeChange(client, admin, change);
        return { plan, rows: 0 };
      }
      await requireEmpty(admin, freshOf(plan), { lookingAt: true });
      const site = { name: config.site, number: config.number };
      const rows = new AdoptedRows({ client, plan, site, root, log: request.log });
      return withUsage(admin, change, async () => {
        const taken = await withPeer(root, { config, member: giver }, (peer) => rows.take(peer));
        await makeChange(client, admin, { ...change, rows });
        return { plan, rows: taken };
      });
    });
  });
}

/** What would be done; nothing is changed and no table is locked. */
export async function preview(
  client: Client,
  config: SiteConfig,
  model: InstalledModel,
): Promise<AdoptPlan> {
  const serverMajor = await readServer(client);
  const site = await readOwnSite(client, config);
  requireLayout(await readLayout(client));
  const installed = await readModels(client);
  return planAdoption(client, model, { site, serverMajor, installed });
}

/** All statements, in order, as a script. */
export function previewText(
  plan: AdoptPlan,
  { site, locking }: { site: Pick<SiteConfig, 'number'>; locking: LockPolicy },
): string {
  const statements = [
    ...['BEGIN', ...plan.objects, `SET LOCAL lock_timeout = ${locking.timeoutMs}`],
    ...[...lockDdl(plan.lock), ...plan.changes],
    ...[...stridesDdl(plan.tables, { site: site.number }), 'COMMIT'],
  ];
  return `${statements.join(';\n\n')};\n`;
}

/** The member whose rows are taken; undefined when those that are here stay. */
async function chooseGiver(
  client: Client,
  config: SiteConfig,
  options: { root: string; source: RowSource; plan: AdoptPlan },
): Promise<Member | undefined> {
  const { root, source, plan } = options;
  if (source.kind === 'first' || source.kind === 'keep') return undefined;
  const members = (await readMembers(client)).filter(
    (member) => member.name !== config.site && member.state === 'active',
  );
  if (source.kind === 'from') {
    const found = members.find((member) => member.name === source.site);
    if (found !== undefined) return found;
    throw new AppError('MEMBER_UNKNOWN', `There is no active member "${source.site}"`, {
      hint: `Members are ${members.map(({ name }) => name).join(', ') || 'this site only'}`,
    });
  }
  for (const member of members) await requireWithout(root, { config, member, plan });
  return undefined;
}

/** A site that has the model has rows of it: it must be said what becomes of the two sets of rows. */
async function requireWithout(
  root: string,
  { config, member, plan }: { config: SiteConfig; member: Member; plan: AdoptPlan },
): Promise<void> {
  const { name, revision } = plan.model.ir;
  let models: { name: string; hash: string }[];
  try {
    const asked = await withPeer(root, { config, member }, (peer) => peer.call(MODELS_PATH, {}));
    models = asked as typeof models;
  } catch (error) {
    throw new AppError(
      'MEMBER_UNREACHABLE',
      `Member "${member.name}" cannot be asked whether it has "${name}": ${describeError(error)}`,
      {
        hint: 'Start its agent; or say --first if no other site has this revision',
        retry: 'later',
      },
    );
  }
  const before = plan.before?.hash;
  if (!models.some((model) => model.name === name && model.hash !== before)) return;
  throw new AppError(
    'MODEL_ELSEWHERE',
    `Site "${member.name}" has another revision of "${name}", or this one`,
    {
      hint:
        `Take its rows: --from ${member.name} (with revision ${revision} at both); ` +
        'or keep those that are here and bring both together: --keep-rows, then syncline verify --repair',
    },
  );
}

async function withPeer<T>(
  root: string,
  { config, member }: { config: SiteConfig; member: Member },
  work: (peer: PeerConnection) => Promise<T>,
): Promise<T> {
  const address = parseAddress('the member’s address', member.address ?? '');
  const connection = await PeerConnection.open({
    peer: { name: member.name, ...address },
    group: config.group,
    ...readIdentity(root),
  });
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}
