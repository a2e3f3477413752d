import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WireRequest } from './wire-process.ts';

const PROGRAM = fileURLToPath(
  import.meta.resolve(import.meta.url.endsWith('.ts') ? './wire-process.ts' : './wire-process.js'),
);
/** More than an agent's longest pause between two tries to connect (2 s, src/link/puller.ts). */
const LONGEST_PAUSE_MS = 2_500;

/**
 * The network between the sites: a TCP proxy before each agent, so that links can be taken down while
 * everything else runs on; only where they will be. A process of its own, since the one that measures is
 * busy itself. What it costs is counted against us: the peers connect directly.
 */
export class Wire {
  /** Where each target is reached. */
  readonly ports: readonly number[];
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, ports: readonly number[]) {
    this.#process = child;
    this.ports = ports;
  }

  static async start(targets: readonly number[]): Promise<Wire> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    return new Wire(child, await ask(child, { do: 'start', targets }));
  }

  /** Breaks all links and refuses new ones. */
  async down(): Promise<void> {
    await ask(this.#process, { do: 'set', mode: 'cut' });
  }

  /**
   * Settles when every site is at the door of every other: when links come up after this, nobody waits for
   * a timer of its own.
   */
  async awaited(): Promise<void> {
    await ask(this.#process, { do: 'set', mode: 'held' });
    await delay(LONGEST_PAUSE_MS);
    const waiting = await ask(this.#process, { do: 'waiting' });
    if (waiting.includes(0)) {
      throw new Error(`no agent tried to connect in ${LONGEST_PAUSE_MS} ms`);
    }
  }

  async up(): Promise<void> {
    await ask(this.#process, { do: 'set', mode: 'open' });
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.disconnect();
    await exited;
  }
}

/** @throws Error when the process ends instead of answering */
async function ask(child: ChildProcess, request: WireRequest): Promise<number[]> {
  const answered = new AbortController();
  const { signal } = answered;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('the process that carries the links ended');
  });
  const answer = once(child, 'message', { signal });
  child.send(request);
  try {
    return ((await Promise.race([answer, ended])) as [number[]])[0];
  } finally {
    answered.abort();
  }
}
