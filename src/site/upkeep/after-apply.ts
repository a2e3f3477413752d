import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { AppError, describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { ident } from '../../model/ir/names.ts';
import type { ErrorNote } from '../../base/errors.ts';
import { readPayload } from './payload.ts';

/** News are gathered for so long, so that a burst of transactions is one run of the command. */
const DEBOUNCE_MS = 200;
/** A command that takes longer is killed. */
const RUN_LIMIT_MS = 30_000;
const TRIES = 4;
const BACKOFF_MS = 1_000;
const RECONNECT_MS = 2_000;
/** Keys that are handed to one run; of more the command hears only that there are many. */
const MAX_KEYS = 1_000;
/** Of what a failed command said on its standard error, so much is kept. */
const MAX_ERROR = 500;

/** What a command is told on its standard input. */
export interface AppliedNews {
  entity: string;
  /** Null: not known, since the agent was not listening. */
  rows: number | null;
  /** Null: not known, or too many. */
  keys: string[][] | null;
}

export interface AfterApplyOptions {
  dsn: string;
  models: readonly Model[];
  /** Program and arguments, by entity. */
  commands: Readonly<Record<string, readonly string[]>>;
  log: Log;
}

/** What `syncline status` says of a command. */
export interface CommandStatus {
  entity: string;
  state: 'waiting' | 'running' | 'failed';
  runs: number;
  lastError?: ErrorNote;
}

/**
 * Runs a program of the operator after rows of an entity were applied: a server with a cache has to be told.
 * Without a shell, one at a time for each entity. Every command also runs once when the agent begins to
 * listen, and again after it lost the database: what was applied meanwhile is told without details.
 */
export class AfterApply {
  readonly #options: AfterApplyOptions;
  readonly #commands: Command[];

  /** @throws AppError AFTER_APPLY_ENTITY when an entity is not known, or its model has no channel for it */
  constructor(options: AfterApplyOptions) {
    this.#options = options;
    this.#commands = Object.entries(options.commands).map(
      ([entity, argv]) =>
        new Command({ entity, channel: channelOf(options.models, entity), argv }, options.log),
    );
  }

  status(): CommandStatus[] {
    return this.#commands.map((command) => command.status());
  }

  /** Runs until the signal; a lost connection is made again. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#commands.length === 0) return;
    await Promise.all([
      this.#listenForever(signal),
      ...this.#commands.map((command) => command.run(signal)),
    ]);
  }

  async #listenForever(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listen(signal);
      } catch (error) {
        this.#options.log.warn({ error: describeError(error) }, 'commands after apply interrupted');
      }
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const client: Client = await connect(this.#options.dsn, 'syncline after apply');
    try {
      const ended = new Promise<void>((resolve) => {
        client.once('end', resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
        if (signal.aborted) resolve();
      });
      client.on('notification', ({ channel, payload }) => this.#heard(channel, payload ?? ''));
      for (const channel of new Set(this.#commands.map((command) => command.channel))) {
        await client.query(`LISTEN ${ident(channel)}`);
      }
      for (const command of this.#commands) command.tell({ rows: null, keys: null });
      await ended;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Every role may notify the channel: what is not ours is left alone. */
  #heard(channel: string, payload: string): void {
    const news = readNews(payload);
    const command = this.#commands.find(
      (one) => one.channel === channel && one.entity === news?.entity,
    );
    if (news !== undefined) command?.tell(news);
  }
}

/** What a trigger of ours told (src/sql/ddl/notify-ddl.ts); undefined where it was not one. */
function readNews(payload: string): AppliedNews | undefined {
  const { entity, rows, keys = null } = readPayload(payload) as Partial<AppliedNews>;
  if (typeof entity !== 'string' || typeof rows !== 'number') return undefined;
  const isKey = (key: unknown): boolean =>
    Array.isArray(key) && key.every((value) => typeof value === 'string');
  if (keys !== null && !(Array.isArray(keys) && keys.every(isKey))) return undefined;
  return { entity, rows, keys };
}

function channelOf(models: readonly Model[], name: string): string {
  const entity = models.flatMap((model) => model.entities).find((one) => one.name === name);
  if (entity?.afterApply !== undefined) return entity.afterApply;
  const what = entity === undefined ? 'is in no installed model' : 'has no "crp:after-apply"';
  throw new AppError('AFTER_APPLY_ENTITY', `Entity "${name}" of after-apply ${what}`, {
    hint: 'Correct after-apply in syncline.yaml; the model says which entities tell of what was applied',
  });
}

type News = Omit<AppliedNews, 'entity'>;

/** The program of one entity. */
class Command {
  readonly entity: string;
  readonly channel: string;
  readonly #argv: readonly string[];
  readonly #log: Log;
  #news: News | undefined;
  #wake: () => void = () => undefined;
  #status: Omit<CommandStatus, 'entity'> = { state: 'waiting', runs: 0 };

  constructor(what: { entity: string; channel: string; argv: readonly string[] }, log: Log) {
    this.entity = what.entity;
    this.channel = what.channel;
    this.#argv = what.argv;
    this.#log = log;
  }

  status(): CommandStatus {
    return { entity: this.entity, ...this.#status };
  }

  tell(news: News): void {
    this.#news = this.#news === undefined ? news : together(this.#news, news);
    this.#wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted) {
      if (this.#news === undefined) {
        await Promise.race([stopped, new Promise<void>((wake) => (this.#wake = wake))]);
        continue;
      }
      await delay(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
      const news = this.#news;
      this.#news = undefined;
      await this.#tryAll({ entity: this.entity, ...news }, signal);
    }
  }

  async #tryAll(news: AppliedNews, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted && attempt <= TRIES; attempt++) {
      this.#status.state = 'running';
      try {
        await runProgram(this.#argv, JSON.stringify(news), signal);
        this.#status = { state: 'waiting', runs: this.#status.runs + 1 };
        return;
      } catch (error) {
        const message = `after-apply of "${this.entity}": ${describeError(error)}`;
        this.#status.state = 'failed';
        this.#status.lastError = { at: new Date().toISOString(), message };
        if (!signal.aborted) this.#log.warn({ attempt, error: message }, 'a command failed');
      }
      if (attempt < TRIES) {
        await delay(BACKOFF_MS * attempt, undefined, { signal }).catch(() => undefined);
      }
    }
  }
}

function together(one: News, other: News): News {
  const rows = one.rows === null || other.rows === null ? null : one.rows + other.rows;
  const keys = one.keys === null || other.keys === null ? null : [...one.keys, ...other.keys];
  return { rows, keys: keys !== null && keys.length > MAX_KEYS ? null : keys };
}

/** @throws Error with the exit code, or the signal, and what the program said */
function runProgram(argv: readonly string[], input: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), {
      ...{ stdio: ['pipe', 'ignore', 'pipe'], signal, killSignal: 'SIGKILL' },
      timeout: RUN_LIMIT_MS,
    });
    let said = '';
    child.stderr.on('data', (part: Buffer) => {
      if (said.length < MAX_ERROR) said += part.toString();
    });
    child.once('error', reject);
    child.once('close', (code, killed) => {
      if (code === 0) resolve();
      else {
        const how = killed === null ? `it ended with ${code}` : `it was ended by ${killed}`;
        const why = said === '' ? '' : `: ${said.slice(0, MAX_ERROR).trim()}`;
        reject(new Error(`"${argv[0]}": ${how}${why}`));
      }
    });
    // A program that does not read its input is none of our business.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${input}\n`);
  });
}
