import type { ServerHttp2Stream } from 'node:http2';

/*
 * Acknowledgements of a pull, which go back in the request's body: u64 durable, u64 applied, positions of the
 * origin that is pulled.
 */

const SIZE = 16;

/** One acknowledgement as it travels. */
export function encodeAck(durable: bigint, applied: bigint): Buffer {
  const ack = Buffer.allocUnsafe(SIZE);
  ack.writeBigUInt64BE(durable, 0);
  ack.writeBigUInt64BE(applied, 8);
  return ack;
}

/** Calls `ack` for each acknowledgement that comes in the request's body. */
export function readAcks(
  stream: ServerHttp2Stream,
  ack: (durable: bigint, applied: bigint) => void,
): void {
  let rest = Buffer.alloc(0);
  stream.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= SIZE) {
      ack(rest.readBigUInt64BE(0), rest.readBigUInt64BE(8));
      rest = rest.subarray(SIZE);
    }
  });
}
