import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { DEBIAN_BIN } from './load.ts';
import type { Peer } from './side.ts';

/** A file that each of Debian's packages brings, by which it is known to be there. */
const PACKAGES: Record<Peer, Record<string, string>> = {
  // The embedded PostgreSQL 18 has it.
  native: {},
  pglogical: {
    'postgresql-15': `${DEBIAN_BIN}/postgres`,
    'postgresql-15-pglogical': `${DEBIAN_BIN}/../lib/pglogical.so`,
  },
  bucardo: {
    'postgresql-15': `${DEBIAN_BIN}/postgres`,
    'postgresql-plperl-15': `${DEBIAN_BIN}/../lib/plperl.so`,
    bucardo: '/usr/bin/bucardo',
  },
};

/** Debian packages that a peer needs and that are not installed. */
export function missingPackages(peer: Peer, exists: (file: string) => boolean): string[] {
  return Object.entries(PACKAGES[peer])
    .filter(([, file]) => !exists(file))
    .map(([name]) => name);
}

/**
 * Makes the peers available that can be.
 *
 * @param install install what is missing with apt-get; only root can
 * @returns for each peer that cannot be measured, why and what to do
 */
export async function preparePeers(
  peers: readonly Peer[],
  install: boolean,
): Promise<Map<Peer, string>> {
  const missing = [...new Set(peers.flatMap((peer) => missingPackages(peer, existsSync)))];
  let refused = '';
  if (install && missing.length > 0) {
    refused = process.getuid?.() === 0 ? await installPackages(missing) : 'only root can install';
  }
  const absent = new Map<Peer, string>();
  for (const peer of peers) {
    const names = missingPackages(peer, existsSync);
    if (names.length === 0) continue;
    const how = `apt-get install ${names.join(' ')}, or --install as root`;
    absent.set(peer, `not installed: ${refused === '' ? how : `${refused}; ${how}`}`);
  }
  return absent;
}

/** Returns what went wrong, or an empty text. */
async function installPackages(names: readonly string[]): Promise<string> {
  const args = ['install', '-qy', '--no-install-recommends', ...names.map(ofServersVersion)];
  for (const command of [['update', '-q'], args]) {
    const code = await aptGet(command);
    if (code !== 0) return `apt-get ${command.join(' ')} ended with ${code}`;
  }
  return '';
}

/** PL/Perl in the version of the server that is there: a newer one would replace the server too. */
function ofServersVersion(name: string): string {
  if (name !== 'postgresql-plperl-15') return name;
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Version}', 'postgresql-15'], {
    encoding: 'utf8',
  });
  return query.status === 0 && query.stdout !== '' ? `${name}=${query.stdout}` : name;
}

function aptGet(args: readonly string[]): Promise<number | null> {
  const child = spawn('apt-get', args, {
    // What it prints is for the person who waits; standard output has the results.
    stdio: ['ignore', process.stderr, process.stderr],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}
