import type { ServerHttp2Stream } from 'node:http2';

/**
 * Writes parts as one and settles when the peer takes more (RFC 9113, 5.2, flow control), or when the stream is
 * closed: whoever goes on writing has to look at it.
 */
export async function writeParts(stream: ServerHttp2Stream, ...parts: Buffer[]): Promise<void> {
  if (stream.destroyed) return;
  stream.cork();
  const room = parts.map((part) => stream.write(part)).at(-1);
  stream.uncork();
  if (room === true) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
