import type { ServerHttp2Stream } from 'node:http2';
import { decodeBatch } from '../journal/batch.ts';
import type { Batch, Chunk, Entry, Journal } from '../journal/journal.ts';
import { encodeFrame, FRAME, frameHead } from './frames.ts';
import { writeParts } from './write-parts.ts';

/** Sends entries of a journal as frames of one pull. */
export class EntrySender {
  readonly #stream: ServerHttp2Stream;
  readonly #journal: Journal;
  /** Of each streamed transaction how many chunks were sent. */
  readonly #sent = new Map<number, number>();

  constructor(stream: ServerHttp2Stream, journal: Journal) {
    this.#stream = stream;
    this.#journal = journal;
  }

  /** Settles when the stream takes more. */
  async send(entry: Entry): Promise<void> {
    if (entry.kind === 'batch') await this.#batch(entry.batch);
    else if (entry.kind === 'chunk') await this.#chunk(entry.chunk);
    else if (this.#sent.delete(entry.xid)) {
      await writeParts(this.#stream, encodeFrame(FRAME.abort, u32(entry.xid)));
    }
  }

  /** A batch that commits a stream follows all of its chunks. */
  async #batch(batch: Batch): Promise<void> {
    const journal = this.#journal;
    const commit = (batch.bytes[4]! & 1) === 0 ? undefined : decodeBatch(batch.bytes).stream;
    if (commit !== undefined) {
      const from = this.#sent.get(commit.xid) ?? 0;
      if (from < commit.chunks) await journal.flush();
      for (const chunk of journal.chunks(batch.origin, commit.xid, from)) {
        if (chunk.number < commit.chunks) await this.#chunk(chunk);
      }
      this.#sent.delete(commit.xid);
    }
    await writeParts(this.#stream, frameHead(FRAME.batch, batch.bytes.length), batch.bytes);
  }

  /** Chunks go in order; what a slow pull missed is sent at the commit. */
  async #chunk({ xid, number, bytes }: Chunk): Promise<void> {
    if (number !== (this.#sent.get(xid) ?? 0)) return;
    this.#sent.set(xid, number + 1);
    const head = frameHead(FRAME.chunk, 8 + bytes.length);
    await writeParts(this.#stream, Buffer.concat([head, u32(xid), u32(number)]), bytes);
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
