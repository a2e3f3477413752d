import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { Http2SecureServer, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { AppError, describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Batch, Journal } from '../journal/journal.ts';
import { readAcks } from './acks.ts';
import { Admission, ADMISSION_LIMITS, MAX_STREAMS } from './admission.ts';
import type { AdmissionLimits } from './admission.ts';
import type { Identity } from './authority.ts';
import { WINDOW } from './client.ts';
import { EntrySender } from './entry-sender.ts';
import { encodeFrame, FRAME } from './frames.ts';
import { mismatches } from './models.ts';
import { readPullRequest } from './pull-request.ts';
import { peerName, requireSite } from './requests.ts';
import { credentials, peerOf } from './server-tls.ts';
import { watchPeer } from './watch-peer.ts';
import { writeBetween } from './write-parts.ts';

/** How often a quiet pull hears from us. */
export const HEARTBEAT_MS = 2_000;
/** Who has not shown a certificate by then is sent away: until then anybody can hold a socket of ours. */
const HANDSHAKE_MS = 10_000;
/** So many heartbeats without an acknowledgement, which come five times a second, and a peer is not connected. */
const HEARD_BEATS = 15;
/**
 * After so many it is gone: TCP would try for a quarter of an hour. Counted, since this process may have been stopped itself.
 * Where both sites send much, acknowledgements wait behind data in a router: 1 MB is 32 s at 256 kbit/s. A pull that is
 * dropped for that begins its batch again, and again; hence two minutes, as with PINGs (watch-peer.ts).
 */
const SILENT_BEATS = 60;

export interface LinkServerOptions {
  /** Number of this site. */
  self: number;
  journal: Journal;
  authority: string;
  identity: Identity;
  host: string;
  port: number;
  /** The installed models (models.ts); a peer with a revision that does not go with ours gets no data. */
  modelHash: () => string;
  /** A peer has an origin's batches on disk, and in its database, up to these positions. */
  onAck: (ack: { peer: string; origin: number; durable: bigint; applied: bigint }) => void;
  /** Throws for a site that is no member any more; without it every site of the group may pull. */
  checkMember?: (name: string) => Promise<unknown>;
  /**
   * Throws for a peer that has what this site did not write: one of them was put back to an earlier state. Called
   * before a pull of this site's own batches begins.
   *
   * @throws AppError SITE_REWOUND
   */
  checkHistory?: (claim: HistoryClaim) => Promise<void>;
  /** Whether a pull has to end: its site has left meanwhile. It is looked at with every heartbeat. */
  isOver?: (pull: { peer: string; origin: number }) => boolean;
  /** Heartbeats without an acknowledgement after which a pull ends; for tests. */
  silentBeats?: number;
  /** Between two looks whether the other end answers; for tests. */
  pingMs?: number;
  /** Connections that are let in; for tests. */
  limits?: Partial<AdmissionLimits>;
  /** Other things that members may ask for, by path. */
  routes?: ReadonlyMap<string, Route>;
  log: Log;
}

/** The last transaction of this site that a peer has. */
export interface HistoryClaim {
  peer: string;
  position: bigint;
  /** Its commit time, µs since 2000-01-01; undefined where the peer does not know it. */
  time: bigint | undefined;
}

/** Answers one request of the member `peer`; what it throws is answered as an error of the peer's. */
export type Route = (stream: ServerHttp2Stream, request: RouteRequest) => Promise<void>;

export interface RouteRequest {
  /** The name in the member's certificate. */
  peer: string;
  headers: IncomingHttpHeaders;
  signal: AbortSignal;
}

/** Serves this site's journal to the other members of the group (HTTP/2, TLS 1.3, both certificates checked). */
export class LinkServer {
  readonly #options: LinkServerOptions;
  readonly #server: Http2SecureServer;
  readonly #admission: Admission;
  readonly #stop = new AbortController();
  /** The pulls that are being served, with the heartbeats since each was heard of. */
  readonly #pulls = new Set<{ peer: string; beats: number }>();

  constructor(options: LinkServerOptions) {
    this.#options = options;
    this.#server = createSecureServer({
      ...credentials(options.authority, options.identity),
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
      // Rows to repair come in the body of a request; with 64 KiB, the default, they would come at that much a round trip.
      settings: { initialWindowSize: WINDOW, maxConcurrentStreams: MAX_STREAMS },
    });
    this.#server.on('session', (session) => {
      session.setLocalWindowSize(WINDOW);
      watchPeer(session, options.pingMs);
    });
    this.#admission = new Admission({ ...ADMISSION_LIMITS, ...options.limits }, options.log);
    this.#server.on('connection', (socket: Socket) => this.#admission.arrives(socket));
    this.#server.on('secureConnection', (socket: TLSSocket) => {
      this.#admission.shows(socket, peerOf(socket));
      // A small frame after another would wait for its acknowledgement, up to 40 ms (RFC 9293, 3.7.4).
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    });
    this.#server.on('stream', (stream, headers) => void this.#serve(stream, headers));
  }

  /** @throws AppError LINK_PORT when the port is taken */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (error) {
      throw new AppError('LINK_PORT', `Cannot listen on ${host}:${port}`, {
        hint: 'Another program has the port: choose another one (link.port in syncline.yaml)',
        cause: error,
      });
    }
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Takes other certificates, for what connects from now on. */
  renew({ authority, identity }: Pick<LinkServerOptions, 'authority' | 'identity'>): void {
    this.#server.setSecureContext(credentials(authority, identity));
  }

  /** Whether a peer pulls from here now, and is heard of. */
  serves(peer: string): boolean {
    return [...this.#pulls].some((pull) => pull.peer === peer && pull.beats <= HEARD_BEATS);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#admission.end();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    const ended = new AbortController();
    stream.on('error', () => ended.abort());
    stream.once('close', () => ended.abort());
    const stop = (): void => ended.abort();
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    // It may have come before this request.
    if (this.#stop.signal.aborted) stop();
    try {
      requireSite(stream, headers[':path']);
      const route = this.#options.routes?.get(String(headers[':path']));
      if (route !== undefined) {
        return await route(stream, { peer: peerName(stream), headers, signal: ended.signal });
      }
      if (headers[':path'] !== '/v1/pull') return refuse(stream, 404, 'NOT_FOUND', 'no such path');
      // Who is no member is told nothing else.
      await this.#options.checkMember?.(peerName(stream));
      const hash = this.#options.modelHash();
      const differ = mismatches(hash, String(headers['crp-models']));
      if (differ.length > 0) {
        const names = differ.join(', ');
        return refuse(stream, 409, 'MODEL_MISMATCH', `other revision of ${names}; here: ${hash}`);
      }
      await this.#pull(stream, headers, ended.signal);
    } catch (error) {
      this.#options.log.warn({ error: describeError(error) }, 'pull ended');
      if (stream.headersSent || stream.destroyed) stream.destroy();
      else if (error instanceof AppError) refuse(stream, 410, error.code, error.message);
      else refuse(stream, 500, 'PEER_FAILED', describeError(error));
    } finally {
      this.#stop.signal.removeEventListener('abort', stop);
    }
  }

  async #pull(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    signal: AbortSignal,
  ): Promise<void> {
    const peer = peerName(stream);
    const { journal, self } = this.#options;
    const { origin, after, time } = readPullRequest(headers);
    const claim = { peer, position: after, time };
    // Before it may acknowledge: what it does not have would be forgotten here.
    if (origin === self) await this.#options.checkHistory?.(claim);
    const pull = { peer, beats: 0 };
    readAcks(stream, (durable, applied) => {
      pull.beats = 0;
      this.#options.onAck({ peer, origin, durable, applied });
    });
    const entries = journal.follow(origin, after, { signal, streams: true });
    stream.respond({ ':status': 200 });
    const heartbeat = setInterval(() => {
      pull.beats += 1;
      if (this.#options.isOver?.({ peer, origin }) === true) stream.destroy();
      else if (pull.beats > (this.#options.silentBeats ?? SILENT_BEATS)) this.#drop(stream, peer);
      else writeBetween(stream, encodeFrame(FRAME.heartbeat));
    }, HEARTBEAT_MS);
    const sender = new EntrySender(stream, journal);
    this.#pulls.add(pull);
    try {
      for await (const entry of entries) {
        if (entry.kind === 'batch') await this.#stored(entry.batch);
        await sender.send(entry);
        if (signal.aborted) break;
      }
    } finally {
      this.#pulls.delete(pull);
      clearInterval(heartbeat);
      stream.end();
    }
  }

  #drop(stream: ServerHttp2Stream, peer: string): void {
    this.#options.log.warn({ peer }, 'nothing comes from a peer any more: its link is dropped');
    stream.session?.destroy();
  }

  /**
   * What is handed on of another site is on disk here first: what members say that they have of a site that is gone
   * for good is reckoned with (src/site/members/extent.ts), and nobody may have got more from here than a crash leaves.
   */
  async #stored({ origin, last }: Batch): Promise<void> {
    const { self, journal } = this.#options;
    if (origin === self || journal.durable(origin) >= last) return;
    await journal.flush();
  }
}

function refuse(stream: ServerHttp2Stream, status: number, code: string, message: string): void {
  stream.respond({ ':status': status, 'crp-error': code });
  stream.end(message);
}
