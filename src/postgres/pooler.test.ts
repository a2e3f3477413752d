import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Client } from 'pg';
import { connect } from './connect.ts';
import { settleSession } from './session-settings.ts';

/** An ErrorResponse of the protocol (PostgreSQL manual, 54.7). */
function errorResponse(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}

test('a pooler that refuses the settings of our sessions is named', async () => {
  const refusal = errorResponse('08P01', 'unsupported startup parameter: options');
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(refusal));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await assert.rejects(connect(`postgresql://u:p@127.0.0.1:${port}/d`, 'test'), {
      ...{ code: 'DATABASE_POOLED', retry: 'never' },
      message: /connection pooler: unsupported startup parameter: options/,
    });
  } finally {
    server.close();
  }
});

test('one that leaves them out without a word is noticed', async () => {
  const rows = [{ what: 'begun', value: null }];
  const client = { query: () => Promise.resolve({ rows }) } as unknown as Client;
  await assert.rejects(settleSession(client), { code: 'DATABASE_POOLED' });
});
