import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Durability } from './durability.ts';

const never = (): Promise<void> => Promise.reject(new Error('forced'));

test('a position is durable when the WAL is flushed to where it ended after the commit', async () => {
  let wal = { written: '0/100', flushed: '0/80' };
  const query = (): Promise<unknown> => Promise.resolve({ rows: [wal] });
  const durability = new Durability(() => ({ query }) as never, never);
  assert.equal(await durability.look(10n, 5n), 5n);
  // More was committed meanwhile; what is flushed covers less than the first look saw.
  wal = { written: '0/200', flushed: '0/FF' };
  assert.equal(await durability.look(20n, 5n), 5n);
  wal = { written: '0/300', flushed: '0/100' };
  assert.equal(await durability.look(30n, 5n), 10n);
  wal = { written: '0/400', flushed: '0/400' };
  assert.equal(await durability.look(30n, 10n), 30n);
});

test('nothing is asked while everything is durable', async () => {
  const query = (): Promise<unknown> => Promise.reject(new Error('asked'));
  assert.equal(await new Durability(() => ({ query }) as never, never).look(7n, 7n), 7n);
});

test('the WAL is flushed by force when nothing else does it', async () => {
  let forced = 0;
  const query = (): Promise<unknown> =>
    Promise.resolve({ rows: [{ written: '0/101', flushed: '0/100' }] });
  const durability = new Durability(
    () => ({ query }) as never,
    () => {
      forced += 1;
      return Promise.resolve();
    },
  );
  for (let look = 0; look < 10; look++) assert.equal(await durability.look(10n, 5n), 5n);
  assert.equal(forced, 0);
  assert.equal(await durability.look(11n, 5n), 10n);
  assert.equal(forced, 1);
});
