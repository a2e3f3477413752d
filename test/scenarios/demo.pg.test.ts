import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/root.ts';

function run(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => (output += part.toString()));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

test('npm start -- --once converges, loses nothing, and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'crp-demo-'));
  try {
    const args = ['tools/run.mjs', 'start', '--once', '--dir', folder];
    const { code, output } = await run(process.execPath, args);
    assert.equal(code, 0, output);
    const last = output.trimEnd().split('\n').at(-1)!;
    const outcome = JSON.parse(last) as Record<string, unknown>;
    assert.equal(outcome['converged'], true);
    assert.equal(outcome['lost'], 0);
    assert.ok(Number(outcome['rows']) > 22_000);
    assert.ok(Number(outcome['conflicts']) >= 2);
    for (const site of ['ber', 'muc']) assert.ok(!existsSync(join(folder, site)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
