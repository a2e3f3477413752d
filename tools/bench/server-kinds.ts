import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { embeddedBinaries, installedBinaries } from '../../src/postgres/binaries.ts';
import { DEBIAN_BIN } from './load.ts';
import type { ServerKind } from './servers.ts';
import { SERVER_SETTINGS } from './settings.ts';

/** PostgreSQL 18 as it comes with Syncline, for the native subscription. */
export function embeddedKind(): ServerKind {
  return { binaries: embeddedBinaries(), settings: SERVER_SETTINGS, keepsDatabases: false };
}

/** Debian's PostgreSQL 15, for the peers that exist for it; the same servers carry our sites. */
export function debianKind(peers: { pglogical: boolean }): ServerKind {
  const settings = { ...SERVER_SETTINGS, ...(peers.pglogical ? pglogicalSettings() : {}) };
  return {
    ...{ binaries: installedBinaries(DEBIAN_BIN), settings, keepsDatabases: peers.pglogical },
  };
}

function pglogicalSettings(): Record<string, string> {
  const postgres = spawnSync(join(DEBIAN_BIN, 'postgres'), ['--describe-config'], {
    ...installedBinaries(DEBIAN_BIN).runAs,
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
  return settingsForPglogical(parameterNames(postgres.stdout));
}

/** Names of all parameters, from `postgres --describe-config`: the first of a line's tab-separated fields. */
export function parameterNames(described: string): Set<string> {
  return new Set(
    described
      .split('\n')
      .map((line) => line.split('\t')[0]!)
      .filter((name) => name !== ''),
  );
}

/**
 * What pglogical needs and is fastest with, conflicts resolved by the later commit.
 *
 * @param known the server's own parameters. Later minor versions (15.20) load an output plugin only if it is
 *   in `output_plugin_libraries`; earlier ones do not start with a parameter that they do not know.
 */
export function settingsForPglogical(known: ReadonlySet<string>): Record<string, string> {
  return {
    shared_preload_libraries: 'pglogical',
    track_commit_timestamp: 'on',
    'pglogical.conflict_resolution': 'last_update_wins',
    'pglogical.batch_inserts': 'on',
    'pglogical.synchronous_commit': 'off',
    ...(known.has('output_plugin_libraries')
      ? { output_plugin_libraries: 'pgoutput, pglogical_output' }
      : {}),
  };
}
