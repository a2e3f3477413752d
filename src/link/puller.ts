import { once } from 'node:events';
import { connect } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { AppError, describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { decodeBatch } from '../journal/batch.ts';
import type { Journal } from '../journal/journal.ts';
import { siteUri } from './authority.ts';
import type { Identity } from './authority.ts';
import { FRAME, FrameReader } from './frames.ts';
import type { Frame } from './frames.ts';

/** Silence after which a link is taken for dead: several heartbeats. */
const STALL_MS = 8_000;
const ACK_MS = 200;
const BACKOFF_MS = [100, 200, 500, 1000, 2000, 5000];
/** Bytes received that the journal has not stored yet. */
const MAX_PENDING = 32 * 1024 * 1024;
const WINDOW = 8 * 1024 * 1024;

export interface PullerOptions {
  /** Where to pull from, and who must answer there. */
  peer: { name: string; host: string; port: number };
  group: string;
  origin: number;
  journal: Journal;
  authority: string;
  identity: Identity;
  modelHash: () => string;
  applied: () => bigint;
  log: Log;
}

export interface PullerStatus {
  state: 'connecting' | 'connected' | 'retrying' | 'stopped';
  lastError?: { at: string; code?: string; message: string };
}

/** Pulls one origin's batches from one peer into this site's journal. */
export class Puller {
  readonly #options: PullerOptions;
  #status: PullerStatus = { state: 'connecting' };

  constructor(options: PullerOptions) {
    this.#options = options;
  }

  status(): PullerStatus {
    return { ...this.#status };
  }

  /** Runs until the signal; every failure is retried with bounded backoff and shown in the status. */
  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#pull(signal, () => {
          attempt = 0;
          this.#status.state = 'connected';
        });
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error);
      }
      const wait = BACKOFF_MS[Math.min(attempt, BACKOFF_MS.length - 1)];
      await delay(wait, undefined, { signal }).catch(() => undefined);
    }
    this.#status.state = 'stopped';
  }

  #failed(error: unknown): void {
    const message = describeError(error);
    const code = (error as { code?: string }).code;
    const at = new Date().toISOString();
    this.#status = { state: 'retrying', lastError: { at, message, ...(code ? { code } : {}) } };
    this.#options.log.warn({ peer: this.#options.peer.name, error: message }, 'link interrupted');
  }

  async #pull(signal: AbortSignal, connected: () => void): Promise<void> {
    const { peer, authority, identity, journal, origin } = this.#options;
    const session = connect(`https://${peer.host}:${peer.port}`, {
      ca: authority,
      cert: identity.certificate,
      key: identity.key,
      minVersion: 'TLSv1.3',
      settings: { initialWindowSize: WINDOW },
      // The name is in the URI of the certificate, not in DNS.
      checkServerIdentity: () => undefined,
    });
    let broken: Error | undefined;
    session.on('error', (error: Error) => (broken ??= error));
    const end = (): void => session.destroy();
    signal.addEventListener('abort', end, { once: true });
    try {
      await once(session, 'connect', { signal: AbortSignal.timeout(STALL_MS) });
      session.setLocalWindowSize(WINDOW);
      this.#checkPeer(session);
      const stream = session.request(
        {
          ':method': 'POST',
          ':path': '/v1/pull',
          'crp-origin': String(origin),
          'crp-after': String(journal.position(origin)),
          'crp-models': this.#options.modelHash(),
        },
        { endStream: false },
      );
      await this.#receive(stream, connected).catch((error: unknown) => {
        // With TLS 1.3 a refused client certificate shows only after the handshake, on the session.
        throw linkError(broken ?? error, this.#options.peer);
      });
    } finally {
      signal.removeEventListener('abort', end);
      session.destroy();
    }
  }

  #checkPeer(session: ClientHttp2Session): void {
    const { group, peer } = this.#options;
    const expected = `URI:${siteUri(group, peer.name)}`;
    const names = (session.socket as TLSSocket).getPeerCertificate().subjectaltname ?? '';
    if (names.split(', ').includes(expected)) return;
    throw new AppError('LINK_PEER', `${peer.host}:${peer.port} answers as "${names}"`, {
      hint: `Expected ${expected}: check the address of site "${peer.name}"`,
      retry: 'later',
    });
  }

  async #receive(stream: ClientHttp2Stream, connected: () => void): Promise<void> {
    stream.setTimeout(STALL_MS, () => stream.destroy(new Error('the link stalled')));
    const acks = setInterval(() => this.#acknowledge(stream), ACK_MS);
    try {
      const headers = await response(stream);
      if (headers[':status'] !== 200) throw await refused(stream, headers);
      connected();
      await this.#store(stream);
    } finally {
      clearInterval(acks);
      stream.destroy();
    }
  }

  async #store(stream: ClientHttp2Stream): Promise<void> {
    const reader = new FrameReader();
    const pending = new Set<Promise<void>>();
    let bytes = 0;
    let failed: unknown;
    for await (const part of stream) {
      for (const frame of reader.push(part as Buffer)) {
        const size = frame.payload.length;
        bytes += size;
        const work = this.#frame(frame)
          .catch((error: unknown) => (failed ??= error))
          .then(() => void (bytes -= size));
        pending.add(work);
        void work.then(() => pending.delete(work));
        while (bytes > MAX_PENDING && failed === undefined) await Promise.race(pending);
        if (failed !== undefined) throw failed;
      }
    }
    await Promise.all(pending);
    if (failed !== undefined) throw failed;
    throw new AppError('LINK_CLOSED', 'The peer closed the link', { retry: 'later' });
  }

  /** The payload is copied: it is a window of the socket's buffer, which the journal would keep alive. */
  async #frame({ kind, payload }: Frame): Promise<void> {
    const { journal, origin } = this.#options;
    if (kind === FRAME.batch) {
      const bytes = Buffer.from(payload);
      const { incarnation, previous, last } = decodeBatch(bytes);
      await journal.append({ origin, incarnation, previous, last, bytes });
    } else if (kind === FRAME.chunk) {
      const [xid, number] = [payload.readUInt32BE(0), payload.readUInt32BE(4)];
      await journal.appendChunk({ origin, xid, number, bytes: Buffer.from(payload.subarray(8)) });
    } else if (kind === FRAME.abort) await journal.abortStream(origin, payload.readUInt32BE(0));
  }

  #acknowledge(stream: ClientHttp2Stream): void {
    if (stream.destroyed || stream.closed) return;
    const { journal, origin, applied } = this.#options;
    const ack = Buffer.allocUnsafe(16);
    ack.writeBigUInt64BE(journal.durable(origin), 0);
    ack.writeBigUInt64BE(applied(), 8);
    stream.write(ack);
  }
}

/** The response's headers; rejects when the stream ends without one. */
function response(stream: ClientHttp2Stream): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    stream.once('response', (headers: Record<string, unknown>) => resolve(headers));
    stream.once('error', reject);
    stream.once('close', () => {
      reject(new AppError('LINK_CLOSED', 'The peer closed the link', { retry: 'later' }));
    });
  });
}

function linkError(error: unknown, peer: PullerOptions['peer']): unknown {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string' || !/^ERR_SSL|CERT|SELF_SIGNED/.test(code)) return error;
  return new AppError('LINK_CERTIFICATE', `${peer.name} refused this site’s certificate: ${code}`, {
    hint: 'Both sites need certificates of the same group: join this site with an invitation of the group',
    retry: 'later',
    cause: error,
  });
}

async function refused(
  stream: ClientHttp2Stream,
  headers: Record<string, unknown>,
): Promise<AppError> {
  let text = '';
  for await (const part of stream) text += String(part).slice(0, 1000);
  const named = headers['crp-error'];
  const code = typeof named === 'string' ? named : 'LINK_REFUSED';
  const hint =
    code === 'MODEL_MISMATCH'
      ? 'Install the same models at both sites; data flow again by themselves then'
      : 'See the log of the peer';
  return new AppError(code, `The peer refused: ${text}`, { hint, retry: 'later' });
}
