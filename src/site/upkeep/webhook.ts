import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { fetchText } from '../../base/network-errors.ts';
import { connect } from '../../postgres/connect.ts';
import { readPayload } from './payload.ts';

/** Notifications that wait to be sent; beyond it the newest are left out (`crp.conflict` has them all). */
const MAX_WAITING = 1_000;
const ANSWER_LIMIT_MS = 5_000;
const TRIES = 4;
const BACKOFF_MS = 1_000;
const RECONNECT_MS = 2_000;

export interface WebhookOptions {
  dsn: string;
  url: string;
  site: string;
  log: Log;
}

/**
 * Tells an operator about conflicts: POSTs `{"site", "conflicts": [{"id", "entity", "type", "status"}]}` to a
 * URL. What was recorded while the agent was down, or could not be sent, is not told again; `syncline
 * conflicts` has it.
 */
export class Webhook {
  readonly #options: WebhookOptions;
  #waiting: unknown[] = [];
  #wake: () => void = () => undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Runs until the signal; a lost connection is made again. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listen(signal);
      } catch (error) {
        this.#options.log.warn({ error: describeError(error) }, 'webhook interrupted');
      }
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const client = await connect(this.#options.dsn, 'syncline webhook');
    let open = true;
    const end = (): void => {
      open = false;
      this.#wake();
    };
    client.once('end', end);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    client.on('notification', ({ payload }) => this.#heard(payload ?? ''));
    try {
      await client.query('LISTEN crp_conflict');
      while (open) {
        if (this.#waiting.length === 0) await new Promise<void>((wake) => (this.#wake = wake));
        else await this.#send(this.#waiting.splice(0, 100), signal);
      }
    } finally {
      signal.removeEventListener('abort', end);
      await client.end().catch(() => undefined);
    }
  }

  #heard(payload: string): void {
    const conflict = readConflict(payload);
    if (conflict === undefined || this.#waiting.length >= MAX_WAITING) return;
    this.#waiting.push(conflict);
    this.#wake();
  }

  async #send(conflicts: unknown[], signal: AbortSignal): Promise<void> {
    const { url, site, log } = this.#options;
    const body = JSON.stringify({ site, conflicts });
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        const response = await fetch(url, {
          ...{ method: 'POST', body, headers: { 'content-type': 'application/json' } },
          signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
        });
        await response.body?.cancel();
        if (response.ok) return;
        throw new Error(`it answered ${response.status}`);
      } catch (error) {
        log.warn(
          { url: new URL(url).origin, attempt, tries: TRIES, error: fetchText(error) },
          'the webhook did not take a notification',
        );
        if (attempt === TRIES) return;
      }
      await delay(BACKOFF_MS * attempt, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Every role may notify the channel: what apply told of a conflict, or undefined where it was somebody else. */
function readConflict(payload: string): object | undefined {
  const { id, entity, type, status } = readPayload(payload);
  const isOwn =
    Number.isInteger(id) && [entity, type, status].every((text) => typeof text === 'string');
  return isOwn ? { id, entity, type, status } : undefined;
}
