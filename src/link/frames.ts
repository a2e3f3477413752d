import { AppError } from '../base/errors.ts';

/*
 * Frames of a pull: u8 kind, u32 length, payload. Batches and chunks travel as the journal has them.
 */

export const FRAME = { batch: 0x62, chunk: 0x63, abort: 0x61, heartbeat: 0x68 } as const;

/** Larger than any batch or chunk that capture makes, but a limit. */
const MAX_FRAME = 512 * 1024 * 1024;
const HEAD = 5;

export interface Frame {
  kind: number;
  payload: Buffer;
}

/** The head of a frame; its payload follows as it is, without a copy. */
export function frameHead(kind: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head[0] = kind;
  head.writeUInt32BE(length, 1);
  return head;
}

/** A frame as one buffer. */
export function encodeFrame(kind: number, ...parts: Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([frameHead(kind, length), ...parts]);
}

/** Cuts a byte stream into frames. Payloads are copied once, and keep no buffer of the socket alive. */
export class FrameReader {
  readonly #head = Buffer.allocUnsafe(HEAD);
  #headSize = 0;
  #payload: Buffer | undefined;
  #size = 0;

  /** @throws AppError LINK_PROTOCOL when a frame is larger than the limit */
  *push(bytes: Buffer): Generator<Frame> {
    let at = 0;
    while (at < bytes.length) {
      at += this.#payload === undefined ? this.#readHead(bytes, at) : 0;
      if (this.#payload === undefined) return;
      const copied = bytes.copy(this.#payload, this.#size, at);
      at += copied;
      this.#size += copied;
      if (this.#size < this.#payload.length) return;
      const frame = { kind: this.#head[0]!, payload: this.#payload };
      this.#payload = undefined;
      yield frame;
    }
  }

  /** Returns how many bytes it took; the payload is there when the head is complete. */
  #readHead(bytes: Buffer, at: number): number {
    const taken = bytes.copy(this.#head, this.#headSize, at, at + HEAD - this.#headSize);
    this.#headSize += taken;
    if (this.#headSize < HEAD) return taken;
    const length = this.#head.readUInt32BE(1);
    if (length > MAX_FRAME) {
      throw new AppError('LINK_PROTOCOL', `A frame of ${length} bytes is over the limit`, {
        hint: 'The sites may run different versions of Syncline',
      });
    }
    this.#headSize = 0;
    this.#size = 0;
    this.#payload = Buffer.allocUnsafe(length);
    return taken;
  }
}
