import type { Writable } from 'node:stream';

/**
 * So much is written at once. While a write waits for the network, Node reads nothing from the connection: of a value of
 * 10 MB over a link of 1 Mbit/s no acknowledgement would be heard for 80 s. 64 KiB are 8 s at 64 kbit/s.
 */
const SLICE = 64 * 1024;

/** Streams on which a frame is being written. */
const writing = new WeakSet<Writable>();

/**
 * Writes parts one after the other and settles when the peer takes more (RFC 9113, 5.2, flow control), or when the stream
 * is closed: whoever goes on writing has to look at it. What is not part of them must not come between: `writeBetween`.
 */
export async function writeParts(stream: Writable, ...parts: Buffer[]): Promise<void> {
  writing.add(stream);
  try {
    for (const slice of slices(parts)) {
      if (stream.destroyed) return;
      if (!writeAll(stream, slice)) await drained(stream);
    }
  } finally {
    writing.delete(stream);
  }
}

/** Writes a sign of life, unless parts are being written: these are one themselves. */
export function writeBetween(stream: Writable, bytes: Buffer): void {
  if (!writing.has(stream) && !stream.destroyed) stream.write(bytes);
}

/** The parts without copies, as many of them together as make no more than a slice; a longer one is cut. */
function* slices(parts: readonly Buffer[]): Generator<Buffer[]> {
  let slice: Buffer[] = [];
  let room = SLICE;
  for (const part of parts) {
    for (let at = 0; at < part.length;) {
      const piece = part.subarray(at, at + room);
      slice.push(piece);
      at += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      yield slice;
      slice = [];
      room = SLICE;
    }
  }
  if (slice.length > 0) yield slice;
}

/** @returns false when the peer has no room until the stream drains */
function writeAll(stream: Writable, slice: readonly Buffer[]): boolean {
  stream.cork();
  const room = slice.map((part) => stream.write(part)).at(-1);
  stream.uncork();
  return room === true;
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
