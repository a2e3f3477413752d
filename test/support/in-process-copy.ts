import { EventEmitter } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { PassThrough } from 'node:stream';
import type { PeerConnection } from '../../src/link/client.ts';

/** Answers a request for data on a stream; the body is what was asked for, if it says anything. */
export type ServeCopy = (stream: ServerHttp2Stream, body: string | undefined) => Promise<void>;

/** A connection to a site that gives its data or parts of it, without the link. */
export function inProcess(serve: ServeCopy): PeerConnection {
  return {
    request: () => new Answer(serve) as unknown,
    explain: (error: unknown) => error,
  } as unknown as PeerConnection;
}

/** A request for data, and the answer to it. */
class Answer extends EventEmitter {
  readonly #serve: ServeCopy;
  readonly #body = new PassThrough();

  constructor(serve: ServeCopy) {
    super();
    this.#serve = serve;
  }

  setTimeout(): void {
    // Nothing stalls here.
  }

  end(body?: string): void {
    const stream = Object.assign(this.#body, {
      respond: () => this.emit('response', { ':status': 200 }),
    });
    this.#serve(stream as unknown as ServerHttp2Stream, body).catch((error: Error) =>
      this.#body.destroy(error),
    );
  }

  destroy(): void {
    this.#body.destroy();
  }

  [Symbol.asyncIterator](): AsyncIterator<Buffer> {
    return this.#body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }
}
