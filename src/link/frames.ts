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

/** A frame as one buffer. */
export function encodeFrame(kind: number, ...parts: Buffer[]): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  head[0] = kind;
  head.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 0),
    1,
  );
  return Buffer.concat([head, ...parts]);
}

/** Cuts a byte stream into frames. */
export class FrameReader {
  #parts: Buffer[] = [];
  #size = 0;

  /** @throws AppError LINK_PROTOCOL when a frame is larger than the limit */
  *push(bytes: Buffer): Generator<Frame> {
    this.#parts.push(bytes);
    this.#size += bytes.length;
    while (this.#size >= HEAD) {
      const head = this.#parts[0]!.length >= HEAD ? this.#parts[0]! : this.#join();
      const length = head.readUInt32BE(1);
      if (length > MAX_FRAME) {
        throw new AppError('LINK_PROTOCOL', `A frame of ${length} bytes is over the limit`, {
          hint: 'The sites may run different versions of Syncline',
        });
      }
      if (this.#size < HEAD + length) return;
      const all = this.#join();
      this.#parts = [all.subarray(HEAD + length)];
      this.#size -= HEAD + length;
      yield { kind: all[0]!, payload: all.subarray(HEAD, HEAD + length) };
    }
  }

  #join(): Buffer {
    const all = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }
}
