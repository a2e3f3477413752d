import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ownFolder } from '../../base/own-folder.ts';
import { embeddedBinaries } from '../../postgres/binaries.ts';
import type { PostgresBinaries } from '../../postgres/binaries.ts';
import { Cluster } from '../../postgres/cluster.ts';
import type { SiteConfig } from '../config/config.ts';

export const SUPERUSER = 'postgres';
export const DATABASE = 'syncline';

/** `sun_path` holds 108 bytes on Linux and 104 elsewhere, the last of them 0 (unix(7)). */
const LONGEST_SOCKET_PATH = 103;

/** Settings of a site's embedded server; all may be overridden in postgresql.auto.conf (ALTER SYSTEM). */
const SETTINGS = {
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  max_replication_slots: '20',
  max_wal_senders: '20',
  // Two for each other member, and some; the default of PostgreSQL 18 is 10.
  max_active_replication_origins: '100',
};

/** The embedded server of a site that has one. */
export function embeddedCluster(config: SiteConfig): Cluster | undefined {
  const { embedded, url } = config.database;
  if (embedded === undefined) return undefined;
  return clusterAt(embedded, Number(new URL(url).port));
}

/** A server with its data in a folder, not yet made or started. */
export function clusterAt(data: string, port: number): Cluster {
  const binaries = embeddedBinaries();
  const socket = socketFolder(data);
  return new Cluster({ binaries, data, port, socket, superuser: SUPERUSER, settings: SETTINGS });
}

/**
 * Where an embedded server has its Unix-domain socket: in its data folder, which nobody else can enter. A system call on
 * it costs less than on TCP, and the agent makes many. None where the path is too long, and on Windows, where Node has
 * named pipes instead.
 */
export function socketFolder(data: string): string | undefined {
  const fits = Buffer.byteLength(join(data, '.s.PGSQL.65535')) <= LONGEST_SOCKET_PATH;
  // The setting is a list in quotes.
  const isPlain = !/[,"'\\]/.test(data);
  return process.platform !== 'win32' && fits && isPlain ? data : undefined;
}

/**
 * Where the data of a site's embedded server go: into the site's folder, unless PostgreSQL must run as
 * another user (this process is root) who cannot get there.
 */
export function chooseDataFolder(root: string): string {
  const { runAs } = embeddedBinaries();
  const preferred = join(resolve(root), 'postgres');
  mkdirSync(preferred, { recursive: true });
  if (runAs === undefined || canEnter(preferred, runAs)) return preferred;
  const name = createHash('sha256').update(resolve(root)).digest('hex').slice(0, 12);
  const elsewhere = join(tmpdir(), `syncline-${name}`);
  const isNew = ownFolder(elsewhere, { mode: 0o700, owners: [process.getuid!(), runAs.uid] });
  if (isNew) chownSync(elsewhere, runAs.uid, runAs.gid);
  return join(elsewhere, 'postgres');
}

function canEnter(folder: string, runAs: NonNullable<PostgresBinaries['runAs']>): boolean {
  return spawnSync('test', ['-x', folder], { ...runAs }).status === 0;
}
