import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2';
import { AppError, describeError } from '../base/errors.ts';
import { accepted, STALL_MS } from '../link/client.ts';
import type { PeerConnection } from '../link/client.ts';
import { encodeFrame, FrameReader } from '../link/frames.ts';
import { writeBetween, writeParts } from '../link/write-parts.ts';
import { HEARTBEAT_MS } from '../link/server.ts';
import { ANSWER, MAX_REQUEST } from './protocol.ts';

/** Sends one JSON value; settles when the link takes more. */
export type Send = (value: unknown) => Promise<void>;

/**
 * Answers a request with what `work` sends. Its error is told to the peer; until it ends the peer hears
 * from us, however long a statement takes.
 */
export async function answer(
  stream: ServerHttp2Stream,
  signal: AbortSignal,
  work: (send: Send) => Promise<void>,
): Promise<void> {
  stream.respond({ ':status': 200 });
  const beat = encodeFrame(ANSWER.heartbeat);
  const heartbeat = setInterval(() => writeBetween(stream, beat), HEARTBEAT_MS);
  const write = async (kind: number, value?: unknown): Promise<void> => {
    const payload = value === undefined ? [] : [Buffer.from(JSON.stringify(value))];
    await writeParts(stream, encodeFrame(kind, ...payload));
    signal.throwIfAborted();
  };
  try {
    await work((value) => write(ANSWER.json, value));
    await write(ANSWER.done);
  } catch (error) {
    if (signal.aborted) return;
    const { code, message, hint } = error as Partial<AppError>;
    const named = error instanceof AppError;
    await write(ANSWER.error, named ? { code, message, hint } : { message: describeError(error) });
  } finally {
    clearInterval(heartbeat);
    stream.end();
  }
}

/** The JSON in a request's body. @throws AppError LINK_PROTOCOL when it is too long, or no JSON */
export async function readRequest(stream: ServerHttp2Stream): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > MAX_REQUEST) throw new AppError('LINK_PROTOCOL', 'The request is too long');
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString()) as unknown;
  } catch (error) {
    throw new AppError('LINK_PROTOCOL', 'The request is no JSON', { cause: error });
  }
}

/**
 * Asks a member and yields the values of its answer as they come; what is not read yet waits there.
 *
 * @throws AppError with the code that the member named, or of the link
 */
export async function* ask(
  connection: PeerConnection,
  question: { path: string; models: string; body: unknown },
): AsyncGenerator<unknown> {
  const stream = connection.request({ ':path': question.path, 'crp-models': question.models });
  stream.setTimeout(STALL_MS, () => stream.destroy(connection.silent()));
  try {
    const answered = accepted(stream, connection.peerName);
    // Whoever refuses may do so before it has read all.
    await Promise.race([answered, writeRequest(stream, question.body)]);
    await answered;
    const reader = new FrameReader();
    for await (const part of stream) {
      for (const { kind, payload } of reader.push(part as Buffer)) {
        if (kind === ANSWER.done) return;
        if (kind === ANSWER.heartbeat) continue;
        const value = JSON.parse(payload.toString()) as unknown;
        if (kind === ANSWER.error) throw peerError(connection.peerName, value);
        yield value;
      }
    }
    throw new AppError('LINK_CLOSED', `The answer of ${connection.peerName} ended early`, {
      hint: 'Is its agent still up? Its log says why it ended; then run the command again',
      retry: 'later',
    });
  } catch (error) {
    throw connection.explain(error);
  } finally {
    stream.destroy();
  }
}

async function writeRequest(stream: ClientHttp2Stream, body: unknown): Promise<void> {
  await writeParts(stream, Buffer.from(JSON.stringify(body)));
  stream.end();
}

function peerError(name: string, value: unknown): AppError {
  const { code, message, hint } = value as { code?: string; message?: string; hint?: string };
  return new AppError(code ?? 'PEER_FAILED', `${name} failed: ${message}`, {
    hint: hint ?? 'See the log of the peer',
    retry: 'later',
  });
}
