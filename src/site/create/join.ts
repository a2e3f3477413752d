import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { PeerConnection } from '../../link/client.ts';
import { ident } from '../../model/ir/names.ts';
import { parseAddress } from '../config/address.ts';
import { requireTables } from '../base-copy/base-check.ts';
import { IncomingBase } from '../base-copy/base-load.ts';
import { upsertMember } from '../database/catalog.ts';
import type { InstalledModel, Member } from '../database/catalog.ts';
import type { SiteConfig } from '../config/config.ts';
import { requireEmpty } from '../database/adoption.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';
import { tableOf, tombstoneOf } from '../../sql/names/apply-names.ts';
import { historyOf } from '../../sql/ddl/history-ddl.ts';
import type { Identity } from '../../link/authority.ts';
import { certify, CONNECT_MS } from './certification.ts';
import { createSite } from './create.ts';
import type { SitePlace } from './create.ts';
import type { Invitation } from './group.ts';

/** How often a number is asked for. */
const ATTEMPTS = 3;

export interface JoinResult {
  config: SiteConfig;
  rows: number;
  bytes: number;
}

/**
 * Makes a further site of a group: takes models and a base copy from the inviting member, which goes on
 * taking writes; the journals bring the rest.
 *
 * @throws those of `createSite`, of the link, and BASE_INCOMPLETE, BASE_DAMAGED
 */
export async function joinSite(place: SitePlace, invitation: Invitation): Promise<JoinResult> {
  const { group, authority, site } = invitation;
  const { connection, base, identity, number } = await requestCopy(place, invitation);
  const close = (): void => connection.close();
  place.signal?.addEventListener('abort', close, { once: true });
  try {
    let loaded = { rows: 0, bytes: 0 };
    const config = await createSite({
      ...place,
      ...{ site, number, group, authority, identity },
      models: base.header.models as InstalledModel[],
      above: new Map(base.header.sequences),
      fill: async (client) => {
        loaded = await takeCopy(client, base, site);
      },
    });
    return { config, ...loaded };
  } finally {
    place.signal?.removeEventListener('abort', close);
    connection.close();
  }
}

interface Requested {
  connection: PeerConnection;
  base: IncomingBase;
  identity: Identity;
  number: number;
}

/**
 * Asks for the base copy; again with another number where another site joins at the same moment with the one that the
 * invitation says. Nothing is kept here until the copy comes.
 */
async function requestCopy(place: SitePlace, invitation: Invitation): Promise<Requested> {
  const { via, group, authority, expires } = invitation;
  const peer = { name: via.name, ...parseAddress('the inviting site’s address', via.address) };
  for (let attempt = 1; ; attempt++) {
    const { identity, number } = await identityOf(invitation, place.signal);
    const connection = await PeerConnection.open({
      ...{ peer, group, authority, identity, connectMs: CONNECT_MS },
    });
    const close = (): void => connection.close();
    place.signal?.addEventListener('abort', close, { once: true });
    try {
      const asked = { address: place.link.address, number };
      const base = await IncomingBase.request(connection, asked);
      return { connection, base, identity, number };
    } catch (error) {
      close();
      if (attempt === ATTEMPTS || expires === undefined || !isTaken(error)) throw error;
    } finally {
      place.signal?.removeEventListener('abort', close);
    }
  }
}

/** The number of the site is another one's, or is not its own any more. */
function isTaken(error: unknown): boolean {
  const codes = ['NOT_INVITED', 'INVITATION_VOID', 'MEMBER_NUMBER'];
  return error instanceof AppError && codes.includes(error.code);
}

/** A key of its own, unless the invitation is one of an earlier build: that has the site's key in it. */
async function identityOf(
  { expires, ...invitation }: Invitation,
  signal: AbortSignal | undefined,
): Promise<{ identity: Identity; number: number }> {
  return expires === undefined ? invitation : certify({ ...invitation, expires }, signal);
}

/**
 * Fills the tables of a new site with a base copy, in the caller's transaction.
 *
 * @param self name of the new site
 * @throws AppError ADOPT_NOT_EMPTY, BASE_TABLES, BASE_INCOMPLETE, BASE_DAMAGED, or of the link; the caller rolls back
 */
export async function takeCopy(
  client: Client,
  base: IncomingBase,
  self: string,
): Promise<{ rows: number; bytes: number }> {
  const models = base.header.models as InstalledModel[];
  requireTables(
    base.header.tables,
    models.flatMap(({ ir }) => ir.entities),
  );
  await requireEmpty(client, models);
  const loaded = await base.load(client);
  await continueFrom(client, base, self);
  return loaded;
}

/** What the copy has, so that the journals go on exactly there; and whom to pull them from. */
async function continueFrom(client: Client, base: IncomingBase, self: string): Promise<void> {
  const { site, position, knowledge, floor, members } = base.header;
  for (const [origin, at] of [...knowledge, [site.number, position] as const]) {
    await client.query(
      'INSERT INTO crp.progress (origin, incarnation, position) VALUES ($1, $2, $3)',
      [origin, site.number === origin ? site.incarnation : 1, at],
    );
  }
  for (const member of members as Member[]) {
    if (member.name !== self) await upsertMember(client, member);
  }
  const models = base.header.models as InstalledModel[];
  const above = greatestStamps(models.flatMap(({ ir }) => ir.entities));
  await client.query(
    `SELECT setval('crp.floor', greatest($1::bigint, 0, (SELECT max(s) >> 11 FROM (${above}) AS x)))`,
    [floor],
  );
}

/**
 * The greatest stamps of a copy. What the giving site wrote may be above its floor and its clock, where it wrote a
 * row several times while its clock was behind, or its clock was set back. One scan of what was just written.
 */
function greatestStamps(entities: readonly Entity[]): string {
  const parts = entities.flatMap((entity) => {
    const stamps = [BIRTH_COLUMN, ...entity.groups.map(({ stamp }) => stamp)].map(ident);
    return [
      `SELECT max(greatest(${stamps.join(', ')})) AS s FROM ${tableOf(entity)}`,
      `SELECT max(stamp) FROM ${tombstoneOf(entity)}`,
      ...(entity.history === undefined ? [] : [`SELECT max(_crp_stamp) FROM ${historyOf(entity)}`]),
    ];
  });
  return ['SELECT 0::bigint AS s', ...parts].join(' UNION ALL ');
}
