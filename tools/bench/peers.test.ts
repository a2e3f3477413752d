import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingPackages } from './packages.ts';
import { compare, skippedLines } from './report.ts';
import { parameterNames, settingsForPglogical } from './server-kinds.ts';
import { syncParameters } from './side-bucardo.ts';

const nothing = (): boolean => false;
const everything = (): boolean => true;

test('what a peer lacks is named by its package', () => {
  assert.deepEqual(missingPackages('native', nothing), []);
  assert.deepEqual(missingPackages('pglogical', nothing), [
    ...['postgresql-15', 'postgresql-15-pglogical'],
  ]);
  assert.deepEqual(missingPackages('bucardo', nothing), [
    ...['postgresql-15', 'postgresql-plperl-15', 'bucardo'],
  ]);
  assert.deepEqual(missingPackages('bucardo', everything), []);
  const onlyServer = (file: string): boolean => file.endsWith('/bin/postgres');
  assert.deepEqual(missingPackages('pglogical', onlyServer), ['postgresql-15-pglogical']);
});

test('a peer that is not there is reported row by row, with what to install', () => {
  const lines = skippedLines('pglogical', ['outage', 'twoway'], 'not installed');
  assert.deepEqual(
    lines.map(({ bench }) => bench),
    [
      ...['pglogical-outage', 'pglogical-twoway', 'pglogical-twoway-tps'],
      ...['pglogical-twoway-differ', 'pglogical-twoway-lost'],
    ],
  );
  for (const { runs, ratio, skipped } of lines) {
    assert.deepEqual([runs, ratio, skipped], [0, null, 'not installed']);
  }
});

const DESCRIBED =
  'wal_level\tpostmaster\tWrite-Ahead Log / Settings\tENUM\treplica\t\t\tSets the level.\t\n' +
  'work_mem\tuser\tResource Usage / Memory\tINTEGER\t4096\t64\t2147483647\tSets the maximum.\t\n';

test('parameters are the first fields of what the server describes', () => {
  assert.deepEqual([...parameterNames(DESCRIBED)], ['wal_level', 'work_mem']);
  assert.deepEqual([...parameterNames('')], []);
});

test('the output plugin is allowed where the server has a list of them, and only there', () => {
  const [older, newer] = [DESCRIBED, `${DESCRIBED}output_plugin_libraries\tsuperuser\t\n`].map(
    (text) => settingsForPglogical(parameterNames(text)),
  );
  assert.equal(newer!['output_plugin_libraries'], 'pgoutput, pglogical_output');
  assert.ok(!('output_plugin_libraries' in older!));
  for (const settings of [older!, newer!]) {
    assert.equal(settings['pglogical.conflict_resolution'], 'last_update_wins');
    // Without it the time of the local row's commit is unknown, and every remote change wins.
    assert.equal(settings['track_commit_timestamp'], 'on');
  }
});

test('Bucardo writes back to A only where both sites are written to', () => {
  const names = { sync: 'bench3', a: 'a3', b: 'b3' };
  assert.ok(syncParameters('one-way', names).includes('dbs=a3:source,b3:target'));
  assert.ok(syncParameters('two-way', names).includes('dbs=a3:source,b3:source'));
});

test('a ratio above 1 means that we are better, whatever the unit', () => {
  const ours = [new Map(Object.entries({ outage: 2, 'steady-tps': 300, 'twoway-lost': 0 }))];
  const theirs = [new Map(Object.entries({ outage: 5, 'steady-tps': 100, 'twoway-lost': 7 }))];
  const lines = new Map(compare('bucardo', ours, theirs).map((line) => [line.bench, line]));
  assert.equal(lines.get('bucardo-outage')!.ratio, 2.5);
  assert.equal(lines.get('bucardo-steady-tps')!.ratio, 3);
  assert.deepEqual(lines.get('bucardo-twoway-lost'), {
    ...{ bench: 'bucardo-twoway-lost', ours: 0, peer: 7, ratio: null, unit: 'updates', runs: 1 },
  });
});

test('of several runs the median counts, and a row that one side lacks has no ratio', () => {
  const runs = (...values: number[]): Map<string, number>[] =>
    values.map((value) => new Map([['bulk', value]]));
  const [line] = compare('native', runs(9, 1, 2), runs(4, 100, 6, 8));
  assert.deepEqual([line!.ours, line!.peer, line!.ratio], [2, 7, 3.5]);
  assert.equal(compare('native', runs(1), [])[0]!.ratio, null);
});
