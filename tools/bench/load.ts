import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../src/postgres/connect.ts';
import { UPSERT } from './lease-model.ts';
import type { Server } from './servers.ts';

/** Debian's package postgresql-15 has it; the embedded server has not. */
export const DEBIAN_BIN = '/usr/lib/postgresql/15/bin';

/** A program of Debian's PostgreSQL, if it is installed. */
export function debianProgram(name: string): string | undefined {
  const path = join(DEBIAN_BIN, name);
  return existsSync(path) ? path : undefined;
}

export interface Load {
  server: Server;
  database: string;
  /** Highest address that is written; 1 is left for the mark. */
  rows: number;
  transactions: number;
  clients: number;
  folder: string;
}

/**
 * Commits single-row upserts from several connections at full speed.
 *
 * @returns transactions a second
 */
export async function runLoad(load: Load): Promise<number> {
  const pgbench = debianProgram('pgbench');
  return pgbench === undefined ? runInNode(load) : runPgbench(pgbench, load);
}

/** What writes, for the report. */
export function loadGenerator(): string {
  return debianProgram('pgbench') === undefined ? 'node' : 'pgbench -M prepared';
}

async function runPgbench(pgbench: string, load: Load): Promise<number> {
  const script = join(load.folder, 'upsert.sql');
  const lines = [
    `\\set address random(2, ${load.rows})`,
    '\\set mac random(1, 1000000000000)',
    '\\set lifetime random(600, 86400)',
    `${UPSERT};`,
  ];
  writeFileSync(script, `${lines.join('\n')}\n`);
  const { port, user, password } = load.server.libpq();
  const each = Math.ceil(load.transactions / load.clients);
  const args = [
    ...['-n', '-M', 'prepared', '-c', String(load.clients), '-j', '1', '-t', String(each)],
    ...['-f', script, '-h', '127.0.0.1', '-p', String(port), '-U', user, load.database],
  ];
  const output = await capture(pgbench, args, { PGPASSWORD: password });
  return Number(/tps = ([\d.]+)/.exec(output)?.[1]);
}

/** Runs a program and returns what it printed. */
export function capture(
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<string> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (part: Buffer) => (output += part.toString()));
  child.stderr.on('data', (part: Buffer) => (output += part.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${program} failed: ${output}`));
    });
  });
}

async function runInNode(load: Load): Promise<number> {
  const text = UPSERT.replaceAll(':address', '$1::bigint')
    .replaceAll(':mac::bigint', '$2::bigint')
    .replaceAll(':lifetime::integer', '$3::integer');
  const each = Math.ceil(load.transactions / load.clients);
  const random = (low: number, high: number): number =>
    low + Math.floor(Math.random() * (high - low + 1));
  const start = performance.now();
  const client = async (): Promise<void> => {
    const session = await connect(load.server.dsn(load.database), 'bench load');
    for (let left = each; left > 0; left--) {
      const values = [random(2, load.rows), random(1, 1e12), random(600, 86400)];
      await session.query({ name: 'upsert', text, values });
    }
    await session.end();
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  return (each * load.clients * 1000) / (performance.now() - start);
}
