import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.ts';
import { FULL, QUICK, QUICK_PEERS, SMOKE } from './settings.ts';

test('everything is measured three times when nothing else is said', () => {
  const options = parseOptions(['peers']);
  assert.ok(options.command === 'peers');
  assert.deepEqual(options.peers, ['native', 'pglogical', 'bucardo']);
  assert.deepEqual(options.measures, ['steady', 'visible', 'outage', 'bulk', 'twoway', 'fanout']);
  assert.equal(options.runs, 3);
  assert.equal(options.sizes, FULL);
  assert.equal(options.install, false);
});

test('quick and smoke take one run of less', () => {
  assert.equal(parseOptions(['native', '--quick']).sizes, QUICK);
  assert.equal(parseOptions(['peers', '--quick']).sizes, QUICK_PEERS);
  assert.equal(parseOptions(['peers', '--smoke']).sizes, SMOKE);
  assert.equal(parseOptions(['peers', '--quick']).runs, 1);
  assert.equal(parseOptions(['peers', '--quick', '--runs', '5']).runs, 5);
});

for (const [rows, measures] of [
  ['outage,steady', ['steady', 'outage']],
  ['pglogical-outage', ['outage']],
  ['native-steady-tps', ['steady']],
  ['bucardo-twoway-lost', ['twoway']],
  ['memory', ['bulk']],
  ['native-memory,fanout', ['bulk', 'fanout']],
] as const) {
  test(`rows named ${rows} are given by ${measures.join(', ')}`, () => {
    assert.deepEqual(parseOptions(['peers', '--rows', rows]).measures, measures);
  });
}

test('the writer and the limits are measured with the native subscription only', () => {
  const options = parseOptions(['native', '--rows', 'native-writer-cost,limits']);
  assert.ok(options.command === 'native');
  assert.deepEqual([options.measures, options.writer, options.limits], [[], true, true]);
  assert.throws(
    () => parseOptions(['peers', '--rows', 'writer']),
    /--rows may have .*not "writer"/,
  );
});

for (const [args, problem] of [
  [[], /"native" or "peers", not ""/],
  [['oracle'], /"native" or "peers", not "oracle"/],
  [['peers', 'native'], /no second benchmark: "native"/],
  [['peers', '--peers', 'slony'], /--peers may have native, pglogical, bucardo, not "slony"/],
  [['peers', '--rows', 'speed'], /not "speed"/],
  [['peers', '--runs', '0'], /whole number 1\.\.100, not "0"/],
  [['peers', '--runs', 'many'], /not "many"/],
  [['peers', '--fast'], /--fast/],
] as const) {
  test(`"${args.join(' ')}" is refused with what may be there`, () => {
    assert.throws(() => parseOptions(args), problem);
  });
}
