import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { IR_VERSION } from '../../model/ir/ir.ts';
import type { Model } from '../../model/ir/ir.ts';

/** A row of `crp.member`. */
export interface Member {
  name: string;
  number: number;
  /** `host:port`; null until the site has joined. */
  address: string | null;
  incarnation: number;
  state: 'invited' | 'joining' | 'active' | 'left';
}

/** A model as `crp.model` has it. The hash is that of the compiled model: the same at every site. */
export interface InstalledModel {
  ir: Model;
  hash: string;
  /** Hashes of the earlier revisions that this one can replicate with; none when absent. */
  older?: string[];
}

/** What a site's database says of itself. */
export interface SiteRecord {
  name: string;
  number: number;
  incarnation: number;
}

/** @throws AppError SITE_UNKNOWN when the database is no site's */
export async function readSite(client: Client): Promise<SiteRecord> {
  const found = await client.query<{ present: boolean }>(
    `SELECT to_regclass('crp.site') IS NOT NULL AS present`,
  );
  if (found.rows[0]!.present) {
    const { rows } = await client.query<SiteRecord>(
      'SELECT name, number, incarnation FROM crp.site',
    );
    if (rows[0] !== undefined) return rows[0];
  }
  throw new AppError('SITE_UNKNOWN', 'The database has no site in it', {
    hint: 'Is database.url in syncline.yaml the database that syncline init or join was given?',
  });
}

/** Whether a site has left the group or was removed, by what is known here. */
export function hasLeft(members: readonly Member[], site: string): boolean {
  return members.some(({ name, state }) => name === site && state === 'left');
}

export async function readMembers(client: Client): Promise<Member[]> {
  const { rows } = await client.query<Member>(
    'SELECT name, number, address, incarnation, state FROM crp.member ORDER BY number',
  );
  return rows;
}

/**
 * Notes what a member says of itself, or of another. A member that is further (invited → joining →
 * active → left) is never set back.
 *
 * Two members that invite without knowing of each other can give one number to two sites, or one site two numbers. The
 * one that joins first has it: an invitation counts for nothing beside a site that is further. Of two that join at the same
 * moment every member takes the one whose name comes first, whichever it hears of first.
 *
 * @param heard false for what this member does itself: it begins no join with a number that another one joins with
 * @throws AppError MEMBER_NUMBER when two sites joined with one number
 */
export async function upsertMember(
  client: Client,
  member: Member,
  { heard = true } = {},
): Promise<void> {
  const { name, number, address, incarnation, state } = member;
  const values = [name, number, address, incarnation, state, heard];
  if ((await client.query(NOTE, values)).rowCount === 1) return;
  if (state === 'invited' || state === 'left') return;
  if (heard && state === 'joining' && (await hasNewcomer(client, member))) return;
  throw new AppError('MEMBER_NUMBER', `Site "${name}" joins as number ${number}, which is taken`, {
    hint: `Two members invited at the same time. syncline remove ${name}, and invite it again under another name`,
  });
}

/** Whether another site joins with that number, which has been taken for it: its name comes first. */
async function hasNewcomer(client: Client, { name, number }: Member): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM crp.member WHERE number = $2 AND name <> $1 AND state = 'joining'`,
    [name, number],
  );
  return rowCount === 1;
}

/** By both keys of crp.member. What the first part deletes the second one does not see as gone: it reads the same snapshot. */
const NOTE = `
  WITH void AS (
    DELETE FROM crp.member WHERE number = $2::integer AND name <> $1::text AND (
      (state = 'invited' AND $5::text <> 'invited')
      OR ($6::boolean AND state = 'joining' AND $5::text = 'joining' AND name COLLATE "C" > $1::text))
    RETURNING name)
  INSERT INTO crp.member AS m (name, number, address, incarnation, state)
  SELECT $1::text, $2::integer, $3::text, $4::integer, $5::text FROM (SELECT count(*) FROM void) AS first
  WHERE NOT EXISTS (SELECT FROM crp.member AS o WHERE o.number = $2::integer AND o.name <> $1::text
    AND o.name NOT IN (SELECT name FROM void))
  ON CONFLICT (name) DO UPDATE SET
    number = CASE WHEN m.state = 'invited' AND excluded.state <> 'invited' THEN excluded.number ELSE m.number END,
    address = coalesce(excluded.address, m.address),
    incarnation = greatest(m.incarnation, excluded.incarnation),
    state = CASE WHEN array_position(ARRAY['invited', 'joining', 'active', 'left'], excluded.state)
                    > array_position(ARRAY['invited', 'joining', 'active', 'left'], m.state)
                 THEN excluded.state ELSE m.state END`;

/** @throws AppError IR_VERSION for a model that another version of Syncline installed */
export async function readModels(client: Client): Promise<InstalledModel[]> {
  const { rows } = await client.query<InstalledModel>(
    // Databases of layout 0 have no such column.
    `SELECT ir, hash, coalesce(to_jsonb(m) -> 'older', '[]') AS older FROM crp.model AS m ORDER BY name`,
  );
  for (const { ir } of rows) {
    if (ir.irVersion === IR_VERSION) continue;
    throw new AppError('IR_VERSION', `Model "${ir.name}" was installed in format ${ir.irVersion}`, {
      hint: `This version of Syncline reads format ${IR_VERSION}`,
    });
  }
  return rows;
}

/** The header by which sites know whether they can replicate (src/link/models.ts). */
export function modelsHeader(models: readonly InstalledModel[]): string {
  const short = (hash: string): string => hash.slice(0, 16);
  return (
    models
      .map(({ ir, hash, older }) => `${ir.name}:${[hash, ...(older ?? [])].map(short).join('/')}`)
      .join(',') || 'none'
  );
}

/** One text for all of a site's models; sites are compared only while theirs are equal. */
export function modelsHash(models: readonly InstalledModel[]): string {
  return models.map(({ ir, hash }) => `${ir.name}:${hash.slice(0, 16)}`).join(',') || 'none';
}

/** How far each origin is applied here, as of the caller's snapshot. */
export async function readProgress(client: Client): Promise<Map<number, bigint>> {
  const { rows } = await client.query<{ origin: number; position: string }>(
    'SELECT origin, position FROM crp.progress',
  );
  return new Map(rows.map((row) => [row.origin, BigInt(row.position)]));
}
