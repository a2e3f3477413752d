import { createHash } from 'node:crypto';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AppError, describeError } from '../../base/errors.ts';
import { shellWord } from '../../base/shell.ts';
import { siteMissing } from '../config/config.ts';
import { folderRefused, isRefused, siteFolder } from '../config/folder.ts';

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

/** What the agent can be asked, some of it with an argument; the answer is sent as JSON. */
export type ControlHandlers = Readonly<Record<string, (argument: string) => Promise<unknown>>>;

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
    await requireNone(root);
    // What a killed agent left behind.
    rmSync(path, { force: true });
    const server = createServer((incoming, response) => {
      const [what, argument] = String(incoming.url).slice(1).split('?');
      const handler = Object.hasOwn(handlers, what!) ? handlers[what!] : undefined;
      void answer(handler && (() => handler(decodeURIComponent(argument ?? ''))), response);
    });
    await new Promise<void>((done, reject) => {
      server.once('error', reject);
      // From its first moment on: a umask may let others write, and in /tmp they get there.
      const before = process.umask(0o177);
      server.listen(path, done);
      process.umask(before);
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
    response.end(JSON.stringify(refusalOf(error)));
  }
}

/** An error as it goes over the socket. */
interface Refusal {
  code: string;
  message: string;
  hint?: string;
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof AppError)) return { code: 'AGENT_FAILED', message: describeError(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

/** The agent's own error again: what a person reads is the same wherever it was found out. */
function refused(text: string): AppError {
  try {
    const { code, message, hint } = JSON.parse(text) as Partial<Refusal>;
    if (typeof code === 'string' && typeof message === 'string') {
      return new AppError(code, message, hint === undefined ? {} : { hint });
    }
  } catch {
    // Another version's agent: its words are all there is.
  }
  return new AppError('AGENT_REFUSED', `The agent answered ${text}`, {
    hint: 'It may be of another version: stop it (syncline down) and start it again (syncline up)',
  });
}

/**
 * Asks the agent of a site.
 *
 * @throws AppError AGENT_DOWN when none is running, SITE_MISSING when there is no site; FOLDER_REFUSED; AGENT_SILENT; the error that the
 *   agent answers with
 */
export async function askAgent(
  root: string,
  what: string,
  options: { argument?: string; limitMs?: number } = {},
): Promise<unknown> {
  const { argument, limitMs } = options;
  const query = argument === undefined ? '' : `?${encodeURIComponent(argument)}`;
  try {
    return JSON.parse(await get(controlPath(root), what + query, limitMs));
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (!existsSync(siteFolder(root).config)) throw siteMissing(root);
    if (isRefused(error)) throw folderRefused(resolve(root), error);
    throw new AppError('AGENT_DOWN', `The agent of the site in "${resolve(root)}" is not running`, {
      hint: `Start it: syncline up --dir ${shellWord(root)}`,
      retry: 'later',
      cause: error,
    });
  }
}

/** @throws AppError AGENT_RUNNING while the site's agent runs; for an agent that is about to start */
export async function requireNone(root: string): Promise<void> {
  if (!(await answers(controlPath(root)))) return;
  throw new AppError('AGENT_RUNNING', `The agent of the site in "${resolve(root)}" is running`, {
    hint: 'See syncline status; stop it with syncline down',
  });
}

/** @throws AppError AGENT_UP while the site's agent runs */
export async function requireDown(root: string): Promise<void> {
  const running = await askAgent(root, 'ping').catch((error: unknown) => {
    if ((error as AppError).code === 'AGENT_DOWN') return undefined;
    throw error;
  });
  if (running === undefined) return;
  throw new AppError('AGENT_UP', 'The agent of this site is running', {
    hint: `Stop it for the time being (services go on): syncline down --dir ${shellWord(root)}`,
  });
}

async function answers(path: string): Promise<boolean> {
  return get(path, 'ping').then(
    () => true,
    (error: unknown) => error instanceof AppError,
  );
}

/** Something has the socket open. It may go on, so it counts as an agent that runs. */
function silent(limitMs: number): AppError {
  return new AppError('AGENT_SILENT', `The agent does not answer within ${limitMs / 1000} s`, {
    hint: 'Its process hangs or was stopped: let it go on, or end it (kill -9), and then: syncline up',
    retry: 'later',
  });
}

function get(path: string, what: string, limitMs = ANSWER_LIMIT_MS): Promise<string> {
  return new Promise((done, reject) => {
    const call = request({ socketPath: path, path: `/${what}`, agent: false }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) done(text);
        else reject(refused(text));
      });
    });
    call.setTimeout(limitMs, () => call.destroy(silent(limitMs)));
    call.once('error', reject);
    call.end();
  });
}
