import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureSlot } from '../../src/capture/capture.ts';
import { createAuthority, issueCertificate } from '../../src/link/authority.ts';
import { withConnection } from '../../src/postgres/connect.ts';
import type { AgentCommand, AgentConfig } from './agent.ts';
import { cpuSeconds } from './cpu.ts';
import { freePort } from '../../test/support/server.ts';
import type { Server, Servers } from './servers.ts';
import type { Side } from './side.ts';

const GROUP = 'bench';
const AGENT = fileURLToPath(
  import.meta.resolve(import.meta.url.endsWith('.ts') ? './agent.ts' : './agent.js'),
);

/** Two agents, one process each, that replicate in both directions. */
export class SynclineSide implements Side {
  readonly name = 'syncline';
  readonly #servers: Servers;
  readonly #authority = createAuthority(GROUP);
  #configs: AgentConfig[] = [];
  #agents: ChildProcess[] = [];

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async start(database: string): Promise<void> {
    const ports = [await freePort(), await freePort()] as const;
    const { a, b } = this.#servers;
    this.#configs = [
      await this.#prepare(a, database, { own: ports[0], peer: ports[1] }),
      await this.#prepare(b, database, { own: ports[1], peer: ports[0] }),
    ];
    await this.processesUp();
    await this.#live();
  }

  async #prepare(
    server: Server,
    database: string,
    ports: { own: number; peer: number },
  ): Promise<AgentConfig> {
    const group = await this.#authority;
    const number = server.site;
    const slot = `crp_${database}_${number}`;
    await ensureSlot(server.dsn(database), slot);
    const journal = join(this.#servers.folder, `journal-${number}`);
    rmSync(journal, { recursive: true, force: true });
    mkdirSync(journal);
    return {
      ...{ number, dsn: server.dsn(database), slot, journal, group: GROUP, port: ports.own },
      authority: group.certificate,
      identity: await issueCertificate(group, { group: GROUP, name: `site${number}` }),
      peer: { number: 3 - number, port: ports.peer },
    };
  }

  async linkDown(): Promise<void> {
    this.#tell({ do: 'link', up: false });
    await delay(200);
  }

  linkUp(): Promise<void> {
    this.#tell({ do: 'link', up: true });
    return Promise.resolve();
  }

  async processesDown(): Promise<void> {
    for (const agent of this.#agents) {
      const exited = once(agent, 'exit');
      agent.kill('SIGKILL');
      await exited;
    }
    this.#agents = [];
  }

  async processesUp(): Promise<void> {
    const execArgv = process.env['BENCH_AGENT_ARGS']?.split(' ') ?? process.execArgv;
    this.#agents = this.#configs.map((config) => {
      const agent = fork(AGENT, { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      agent.send({ do: 'start', config } satisfies AgentCommand);
      return agent;
    });
    await Promise.all(this.#agents.map((agent) => once(agent, 'message')));
  }

  peakMemory(): number[] {
    return this.#agents.map((agent) => {
      const status = readFileSync(`/proc/${agent.pid}/status`, 'utf8');
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    });
  }

  cpu(): number[] {
    return this.#agents.map((agent) => cpuSeconds(agent.pid!));
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) {
      const exited = once(agent, 'exit');
      agent.disconnect();
      await exited;
    }
    this.#agents = [];
    for (const [index, server] of [this.#servers.a, this.#servers.b].entries()) {
      await dropSlot(server, this.#configs[index]!.slot);
    }
  }

  #tell(command: AgentCommand): void {
    for (const agent of this.#agents) agent.send(command);
  }

  /** Waits until both captures stream. */
  async #live(): Promise<void> {
    for (const server of [this.#servers.a, this.#servers.b]) {
      await withConnection(server.dsn('postgres'), 'bench', async (client) => {
        for (;;) {
          const { rowCount } = await client.query(
            `SELECT FROM pg_stat_replication WHERE state = 'streaming'`,
          );
          if (rowCount !== null && rowCount > 0) return;
          await delay(20);
        }
      });
    }
  }
}

/** The walsender of a killed agent may need a moment to notice. */
async function dropSlot(server: Server, slot: string): Promise<void> {
  await withConnection(server.dsn('postgres'), 'bench', async (client) => {
    await client.query(
      'SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active',
      [slot],
    );
    for (let attempt = 0; ; attempt++) {
      try {
        await client.query('SELECT pg_drop_replication_slot($1)', [slot]);
        return;
      } catch (error) {
        if (attempt === 100) throw error;
        await delay(50);
      }
    }
  });
}
