import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { shellWord } from './shell.ts';

test('a shell reads the word as it is meant', () => {
  for (const text of [
    '.syncline',
    '/srv/my sites/ber',
    "it's",
    '$HOME',
    'a\\b"c',
    '',
    '~/x',
    'ü',
  ]) {
    const read = execFileSync('sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' });
    assert.equal(read, text);
  }
  assert.equal(shellWord('/srv/syncline-1'), '/srv/syncline-1');
});
