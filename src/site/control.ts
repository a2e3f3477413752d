import { createHash } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError, describeError } from '../base/errors.ts';

/** Longest path of a UNIX-domain socket (sun_path, with room for the final zero). */
const MAX_SOCKET_PATH = 100;
const ANSWER_LIMIT_MS = 10_000;

/** Where the agent of the site in `root` listens for commands of this machine's user. */
export function controlPath(root: string): string {
  const preferred = join(resolve(root), 'agent.sock');
  if (preferred.length <= MAX_SOCKET_PATH) return preferred;
  const name = createHash('sha256').update(resolve(root)).digest('hex').slice(0, 16);
  return join(tmpdir(), `syncline-${name}.sock`);
}

/** What the agent can be asked; the answer is sent as JSON. */
export type ControlHandlers = Readonly<Record<string, () => Promise<unknown>>>;

/** The agent's end: HTTP on a UNIX-domain socket that only the site's owner can open. */
export class ControlServer {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /**
   * Listens. The socket is also the lock: a second agent of the same site is refused.
   *
   * @throws AppError AGENT_RUNNING
   */
  static async listen(root: string, handlers: ControlHandlers): Promise<ControlServer> {
    const path = controlPath(root);
    if (await answers(path)) {
      throw new AppError(
        'AGENT_RUNNING',
        `The agent of the site in "${resolve(root)}" is running`,
        {
          hint: 'See syncline status; stop it with syncline down',
        },
      );
    }
    // What a killed agent left behind.
    rmSync(path, { force: true });
    const server = createServer((incoming, response) => {
      void answer(handlers[String(incoming.url).slice(1)], response);
    });
    await new Promise<void>((done, reject) => {
      server.once('error', reject);
      server.listen(path, done);
    });
    chmodSync(path, 0o600);
    return new ControlServer(server, path);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
    rmSync(this.#path, { force: true });
  }
}

async function answer(
  handler: (() => Promise<unknown>) | undefined,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('content-type', 'application/json');
  try {
    if (handler === undefined) response.statusCode = 404;
    response.end(JSON.stringify((await handler?.()) ?? null));
  } catch (error) {
    response.statusCode = 500;
    response.end(JSON.stringify({ error: describeError(error) }));
  }
}

/**
 * Asks the agent of a site.
 *
 * @throws AppError AGENT_DOWN when none is running
 */
export async function askAgent(
  root: string,
  what: string,
  limitMs = ANSWER_LIMIT_MS,
): Promise<unknown> {
  try {
    return JSON.parse(await get(controlPath(root), what, limitMs));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('AGENT_DOWN', `The agent of the site in "${resolve(root)}" is not running`, {
      hint: `Start it: syncline up --dir ${root}`,
      retry: 'later',
      cause: error,
    });
  }
}

async function answers(path: string): Promise<boolean> {
  return get(path, 'ping').then(
    () => true,
    (error: unknown) => error instanceof AppError,
  );
}

function get(path: string, what: string, limitMs = ANSWER_LIMIT_MS): Promise<string> {
  return new Promise((done, reject) => {
    const call = request({ socketPath: path, path: `/${what}`, agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) done(text);
        else reject(new AppError('AGENT_REFUSED', `The agent answered ${text}`));
      });
    });
    call.setTimeout(limitMs, () => call.destroy(new Error('the agent does not answer')));
    call.once('error', reject);
    call.end();
  });
}
