import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../../test/support/pair.ts';
import { program } from '../../test/support/program.ts';
import type { Line } from './report.ts';

interface Run {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<number | null>;
}

function bench(...args: string[]): Run {
  const child = spawn(process.execPath, [...program('tools/bench/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (part: Buffer) => (output.stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (output.stderr += part.toString()));
  return { child, output, ended: new Promise((resolve) => child.once('close', resolve)) };
}

/** Where the servers of a run are, from what it says. */
function folderOf({ output }: Run): string | undefined {
  return /servers of native in (\S+):/.exec(output.stderr)?.[1];
}

/** Command lines of processes that have to do with a folder. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(folder));
}

test('two sites that write the same rows are equal in the end and lose nothing; nothing is left behind', async () => {
  const run = bench('peers', '--smoke', '--peers', 'native', '--rows', 'twoway');
  assert.equal(await run.ended, 0, run.output.stderr);
  const lines = run.output.stdout.trim().split('\n');
  const rows = new Map(
    lines.map((text) => JSON.parse(text) as Line).map((line) => [line.bench, line]),
  );
  assert.deepEqual(
    [...rows.keys()],
    [...['native-twoway', 'native-twoway-tps'], ...['native-twoway-differ', 'native-twoway-lost']],
  );
  assert.ok(rows.get('native-twoway')!.ratio! > 0);
  for (const name of ['native-twoway-differ', 'native-twoway-lost']) {
    assert.equal(rows.get(name)!.ours, 0, run.output.stderr);
  }
  const folder = folderOf(run)!;
  assert.ok(!existsSync(folder));
  assert.deepEqual(processesIn(folder), []);
});

test('an interrupt ends every process and removes the folder', async () => {
  const run = bench('peers', '--smoke', '--peers', 'native', '--rows', 'twoway');
  await eventually('servers run', () => {
    const folder = folderOf(run);
    return folder !== undefined && processesIn(folder).length > 0;
  });
  run.child.kill('SIGINT');
  assert.equal(await run.ended, 130, run.output.stderr);
  const folder = folderOf(run)!;
  assert.ok(!existsSync(folder));
  assert.deepEqual(processesIn(folder), []);
});
