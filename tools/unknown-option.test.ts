import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { program } from '../test/support/program.ts';

for (const [name, file] of [
  ['bench', 'tools/bench/main.ts'],
  ['chaos', 'tools/chaos.ts'],
  ['sim', 'test/simulation/main.ts'],
] as const) {
  test(`an unknown option of npm run ${name} is named, with the usage, in no stack`, () => {
    const args = [...program(file), '--sedes', '3'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, new RegExp(`--sedes.*usage.*npm run ${name}`, 'is'));
    assert.doesNotMatch(stderr, /\n\s+at /);
    if (name !== 'bench') assert.equal(stderr.trim().split('\n').length, 1);
  });
}
