import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { writeBetween, writeParts } from './write-parts.ts';

/** Takes what is written when it is told to, as a thin link does. */
class ThinLink extends Writable {
  readonly taken: Buffer[] = [];
  #take: (() => void) | undefined;

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.taken.push(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    this.#take = done;
  }

  take(): void {
    this.#take?.();
  }
}

test('a large frame is written in slices, between which the connection is read, and nothing comes between them', async () => {
  const link = new ThinLink();
  const parts = [Buffer.from('head'), randomBytes(300_000), Buffer.alloc(0), Buffer.from('end')];
  let written = false;
  const writing = writeParts(link, ...parts).then(() => (written = true));
  while (!written) {
    writeBetween(link, Buffer.from('heartbeat'));
    link.take();
    await new Promise(setImmediate);
  }
  await writing;
  assert.equal(Math.max(...link.taken.map(({ length }) => length)), 64 * 1024);
  assert.ok(Buffer.concat(link.taken).equals(Buffer.concat(parts)));
  writeBetween(link, Buffer.from('heartbeat'));
  link.take();
  assert.equal(link.taken.at(-1)!.toString(), 'heartbeat');
});

test('a write ends with its stream', async () => {
  const link = new ThinLink();
  const writing = writeParts(link, randomBytes(300_000));
  link.destroy();
  await writing;
  writeBetween(link, Buffer.from('heartbeat'));
  assert.equal(link.taken.length, 1);
});
