import { TextProblem } from '../problem.ts';

/** Longest RDATA: RDLENGTH is 16 bits (RFC 1035 §3.2.1). */
export const MAX_RDATA = 65_535;

const HINT_WIRE = 'Check the length and the data against the format of the type';

/** RDATA under construction, in wire form. One buffer serves all records: `take` copies out. */
export class WireWriter {
  readonly #buffer = Buffer.allocUnsafe(MAX_RDATA + 1);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  u8(value: number): void {
    this.#room(1);
    this.#at = this.#buffer.writeUInt8(value, this.#at);
  }

  u16(value: number): void {
    this.#room(2);
    this.#at = this.#buffer.writeUInt16BE(value, this.#at);
  }

  u32(value: number): void {
    this.#room(4);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Octets preceded by their number in 8 bits; the caller has checked that they fit. */
  counted(bytes: Uint8Array): void {
    this.u8(bytes.length);
    this.bytes(bytes);
  }

  /** Overwrites a 16-bit length that was written as a place holder. */
  patchU16(at: number, value: number): void {
    this.#buffer.writeUInt16BE(value, at);
  }

  /** A copy of everything written; the writer is empty again. */
  take(): Buffer {
    const copy = Buffer.from(this.#buffer.subarray(0, this.#at));
    this.#at = 0;
    return copy;
  }

  /** Forgets what was written. */
  clear(): void {
    this.#at = 0;
  }

  #room(size: number): void {
    if (this.#at + size <= MAX_RDATA) return;
    throw new TextProblem(
      `the data of this record is longer than ${MAX_RDATA} octets`,
      'Split it into several records: RFC 1035 §3.2.1 counts the data of one in 16 bits',
    );
  }
}

/** RDATA in wire form, read from its beginning; never reads past its end. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.bytes(1)[0]!;
  }

  u16(): number {
    return this.bytes(2).readUInt16BE();
  }

  u32(): number {
    return this.bytes(4).readUInt32BE();
  }

  bytes(size: number): Buffer {
    if (size > this.left) {
      throw new TextProblem(
        `the data is too short: ${size} octets are wanted at ${this.#at}, ${this.left} are there`,
        HINT_WIRE,
      );
    }
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** Octets that are preceded by their number in 8 bits (RFC 1035 §3.3, `<character-string>`). */
  counted(): Buffer {
    return this.bytes(this.u8());
  }

  rest(): Buffer {
    return this.bytes(this.left);
  }

  /** An uncompressed name (RFC 3597 §4: no compression in the generic form). */
  name(): Buffer {
    const start = this.#at;
    for (;;) {
      const length = this.u8();
      if (length > 63) {
        throw new TextProblem('the data holds a compressed or broken name', HINT_WIRE);
      }
      this.bytes(length);
      if (this.#at - start > 255) {
        throw new TextProblem('the data holds a name of more than 255 octets', HINT_WIRE);
      }
      if (length === 0) return this.#bytes.subarray(start, this.#at);
    }
  }

  /** Asserts that everything was read. */
  end(): void {
    if (this.left === 0) return;
    throw new TextProblem(`the data has ${this.left} octets too many`, HINT_WIRE);
  }
}
