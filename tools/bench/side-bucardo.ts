import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds, processTree } from './cpu.ts';
import { capture } from './load.ts';
import { PLAIN } from './servers.ts';
import type { Server, Servers } from './servers.ts';
import type { Mode, Side, Work } from './side.ts';

/** Longest time for the daemon to start, and for its sync to be active. */
const LIMIT_MS = 60_000;
/** Longest time for a started daemon to write down its process id. */
const APPEAR_MS = 2_000;
const ROLE = 'bucardo';
const PASSWORD = 'secret';

/** Bucardo's pauses are made for quiet networks: up to half a second each. This is as fast as it goes. */
const PAUSES = [
  ...['mcp_loop_sleep', 'ctl_sleep', 'kid_sleep', 'kid_nodeltarows_sleep'],
  ...['kid_serial_sleep', 'kid_deadlock_sleep', 'ctl_createkid_time'],
].map((name) => `${name}=0.01`);

/** Names in Bucardo's own database, which all runs share; a table's group has that of its sync. */
export interface Names {
  sync: string;
  a: string;
  b: string;
}

/** Parameters of `bucardo add sync`: the sync of one table, started by its triggers, its processes kept. */
export function syncParameters(mode: Mode, names: Names): string[] {
  return [
    `relgroup=${names.sync}`,
    `dbs=${names.a}:source,${names.b}:${mode === 'two-way' ? 'source' : 'target'}`,
    'conflict_strategy=bucardo_latest',
    ...['autokick=1', 'stayalive=1', 'kidsalive=1', 'onetimecopy=0'],
  ];
}

/** Bucardo 5: triggers at the sources, one daemon. Its own database is at A. */
export class BucardoSide implements Side {
  readonly name = 'bucardo';
  readonly template = PLAIN;
  readonly #servers: Servers;
  readonly #folder: string;
  #stopped = true;
  #runs = 0;

  constructor(servers: Servers) {
    this.#servers = servers;
    this.#folder = join(servers.folder, 'bucardo');
  }

  async start(database: string, { mode }: Work): Promise<void> {
    const { a, b } = this.#servers;
    if (this.#runs === 0) {
      for (const name of ['pid', 'log']) mkdirSync(join(this.#folder, name), { recursive: true });
      for (const server of [a, b]) await makeRole(server);
      await this.#install();
    }
    this.#runs += 1;
    const names = this.#names();
    const ports = [a, b].map((server) => server.libpq().port).join(',');
    await this.#ask('add', 'db', `${names.a},${names.b}`, `dbname=${database}`, [
      ...['host=127.0.0.1', `port=${ports}`, `user=${ROLE}`, `pass=${PASSWORD}`],
    ]);
    await this.#ask('add', 'table', 'leases.lease', `db=${names.a}`, `relgroup=${names.sync}`);
    await this.#ask('add', 'sync', names.sync, syncParameters(mode, names));
    await this.processesUp();
  }

  #names(): Names {
    return { sync: `bench${this.#runs}`, a: `a${this.#runs}`, b: `b${this.#runs}` };
  }

  /** Its own database, in which everything but the triggers is. */
  async #install(): Promise<void> {
    const { port, user, password } = this.#servers.a.libpq();
    const host = ['--db-host', '127.0.0.1', '--db-port', String(port), '--db-user', user];
    const args = ['install', '--batch', '--quiet', '--no-bucardorc', ...host];
    await capture('bucardo', [...args, '--db-name', 'postgres', '--pid-dir', this.#folder], {
      ...{ PGPASSWORD: password, HOME: this.#folder },
    });
    await this.#ask('set', PAUSES, [
      `piddir=${join(this.#folder, 'pid')}`,
      ...['reason_file', 'warning_file', 'log_conflict_file'].map(
        (name) => `${name}=${join(this.#folder, 'log', name)}`,
      ),
    ]);
  }

  async linkDown(): Promise<void> {
    await this.#ask('pause', this.#names().sync);
  }

  linkAwaited(): Promise<void> {
    return Promise.resolve();
  }

  async linkUp(): Promise<void> {
    await this.#ask('resume', this.#names().sync);
    await this.#ask('kick', this.#names().sync);
  }

  async processesDown(): Promise<void> {
    await this.remove();
  }

  async processesUp(): Promise<void> {
    rmSync(join(this.#folder, 'pid'), { recursive: true, force: true });
    mkdirSync(join(this.#folder, 'pid'));
    this.#stopped = false;
    await this.#ask('start', '--log-destination', join(this.#folder, 'log'));
    const end = Date.now() + LIMIT_MS;
    while (!existsSync(join(this.#folder, 'pid', `bucardo.kid.sync.${this.#names().sync}.pid`))) {
      if (Date.now() > end) throw new Error(`Bucardo does not start: ${this.#log()}`);
      await delay(20);
    }
  }

  processes(): number[] {
    const pid = this.#pid();
    return pid === undefined ? [] : processTree(pid);
  }

  cpu(): number[] {
    const pid = this.#pid();
    return pid === undefined ? [] : [cpuSeconds(pid)];
  }

  async stop(): Promise<void> {
    await this.remove();
    await this.#ask('remove', 'sync', this.#names().sync);
  }

  /** Ends the daemon and its children, which are a process group of their own. */
  async remove(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    // A daemon that was only just started has not said yet which process it is.
    for (const end = Date.now() + APPEAR_MS; this.#pid() === undefined && Date.now() < end;) {
      await delay(20);
    }
    const pid = this.#pid();
    if (pid === undefined) return;
    const group = processGroup(pid);
    if (group === undefined) return;
    process.kill(-group, 'SIGKILL');
    while (existsSync(`/proc/${pid}/cmdline`) && processGroup(pid) === group) await delay(10);
  }

  /** The daemon's process, as long as it is one. */
  #pid(): number | undefined {
    const file = join(this.#folder, 'pid', 'bucardo.mcp.pid');
    if (!existsSync(file)) return undefined;
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    return processGroup(pid) === undefined ? undefined : pid;
  }

  #log(): string {
    const file = join(this.#folder, 'log', 'log.bucardo');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(-6).join('\n') : '';
  }

  async #ask(...parts: (string | string[])[]): Promise<void> {
    const { port } = this.#servers.a.libpq();
    const own = [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      '-U',
      ROLE,
      '-P',
      PASSWORD,
      '-d',
      'bucardo',
    ];
    await capture('bucardo', ['--no-bucardorc', '--quiet', ...own, ...parts.flat()], {
      HOME: this.#folder,
    });
  }
}

async function makeRole(server: Server): Promise<void> {
  await server.run(
    'postgres',
    `DO $$ BEGIN
       CREATE ROLE ${ROLE} SUPERUSER LOGIN PASSWORD '${PASSWORD}';
     EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
  );
}

/** Process group of a Bucardo process; undefined when there is none, or the number is somebody else's. */
function processGroup(pid: number): number | undefined {
  try {
    if (!/bucardo/i.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields after the command in proc(5): state, ppid, pgrp.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
  } catch {
    return undefined;
  }
}
