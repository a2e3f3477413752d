import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketFolder } from './embedded.ts';

test('a server has its socket in the data folder, unless the path is too long or cannot be in a setting', () => {
  assert.equal(socketFolder('/srv/site/postgres'), '/srv/site/postgres');
  // sun_path has 104 bytes at least, of which one is 0, and "/.s.PGSQL.65535" takes 15.
  assert.equal(socketFolder(`/${'x'.repeat(87)}`), `/${'x'.repeat(87)}`);
  assert.equal(socketFolder(`/${'x'.repeat(88)}`), undefined);
  assert.equal(socketFolder('/srv/one,two/postgres'), undefined);
  assert.equal(socketFolder("/srv/o'neill/postgres"), undefined);
});
