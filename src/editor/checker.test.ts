import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Checked } from './check.ts';
import { Checker } from './checker.ts';

/** A checker over files that read others, with the checks and publications that it made. */
function setUp(reads: Readonly<Record<string, string[]>>) {
  const checks: string[] = [];
  const published: string[] = [];
  const check = (root: string): Checked => {
    checks.push(root);
    return {
      diagnostics: new Map([[root, []]]),
      reads: new Set([root, ...(reads[root] ?? [])]),
      hasErrors: false,
    };
  };
  const publish = (file: string): void => void published.push(file);
  const checker = new Checker({ rootOf: (file) => file, check, publish, quiet: 100, atMost: 250 });
  return { checker, checks, published };
}

/** The check and what follows it on the event loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('a check waits until nothing changes, but not for ever', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  context.mock.method(performance, 'now', () => now);
  const tick = (milliseconds: number): void => {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
  };
  const { checker, checks, published } = setUp({});
  checker.changed('a');
  tick(90);
  checker.changed('a');
  tick(90);
  assert.deepEqual(checks, []);
  tick(10);
  await settle();
  assert.deepEqual([checks, published], [['a'], ['a']]);
  for (let key = 0; key < 5; key++) {
    checker.changed('a');
    tick(60);
  }
  await settle();
  assert.ok(checks.length >= 2);
});

test('only modules that read a changed file are checked again', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { checker, checks, published } = setUp({ a: ['lib'], b: [] });
  for (const file of ['a', 'b', 'lib']) checker.changed(file);
  context.mock.timers.tick(100);
  await settle();
  assert.deepEqual(checks.splice(0), ['a', 'b', 'lib']);
  checker.changed('lib');
  context.mock.timers.tick(100);
  await settle();
  assert.deepEqual(checks.splice(0), ['a', 'lib']);
  published.splice(0);
  checker.closed('lib');
  context.mock.timers.tick(100);
  await settle();
  assert.deepEqual(checks, ['a']);
  assert.ok(!published.includes('lib'));
});

test('after its end nothing is checked', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { checker, checks } = setUp({});
  checker.changed('a');
  checker.stop();
  context.mock.timers.tick(1000);
  await settle();
  assert.deepEqual(checks, []);
});
