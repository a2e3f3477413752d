import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDatabaseUrl } from './database-url.ts';

const GOOD = [
  'postgresql://postgres:secret@127.0.0.1:5432/kea',
  'postgres://postgres@db.example/kea?sslmode=verify-full',
  'postgresql://postgres:p%40ss@[::1]:5432/kea',
  'postgresql://postgres@%2Fvar%2Frun%2Fpostgresql/kea',
];

const BAD: readonly (readonly [string, RegExp])[] = [
  ['host=127.0.0.1 dbname=kea user=postgres password=secret', /is not the URI of a PostgreSQL/],
  ['mysql://root:secret@127.0.0.1/kea', /is not the URI of a PostgreSQL/],
  ['', /is not the URI/],
  ['postgresql://postgres:secret@127.0.0.1:5432', /names no database/],
  ['postgresql://postgres:secret@127.0.0.1:5432/', /names no database/],
  ['postgresql://127.0.0.1/kea', /names no user/],
  ['postgresql://postgres:secret@127.0.0.1:port/kea', /is not a valid URI/],
];

test('URIs with user and database are taken', () => {
  for (const url of GOOD) assert.equal(checkDatabaseUrl('--database', url), url);
});

test('everything else is refused with what is wrong, and without the password', () => {
  for (const [url, wrong] of BAD) {
    assert.throws(
      () => checkDatabaseUrl('--database', url),
      (error: Error) => {
        assert.match(error.message, wrong, url);
        return error.message.startsWith('--database ') && !error.message.includes('secret');
      },
    );
  }
});
