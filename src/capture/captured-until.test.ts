import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CapturedUntil } from './captured-until.ts';

/** What capture knows at a time, ms, with a journal of notes. */
function captured(notes = new Map<string, string>()): {
  until: CapturedUntil;
  notes: Map<string, string>;
  at: (now: number) => number | undefined;
} {
  let now = 0;
  const journal = {
    getNote: (key: string) => notes.get(key),
    setNote: (key: string, value: string) => Promise.resolve(void notes.set(key, value)),
  };
  const until = new CapturedUntil({ journal, now: () => now });
  const at = (time: number): number | undefined => {
    now = time;
    return until.behind();
  };
  return { until, notes, at };
}

test('all is captured that had committed when the WAL ended where the journal is', () => {
  const { until, at } = captured();
  assert.equal(at(100), undefined);
  for (const [position, time] of [
    [10n, 1_000],
    [20n, 2_000],
    [30n, 3_000],
  ] as const) {
    until.looked(position, time);
  }
  until.stored(9n);
  assert.equal(at(3_000), undefined);
  until.stored(20n);
  assert.equal(at(5_000), 3_000);
  until.stored(25n);
  assert.equal(at(5_000), 3_000, 'the third look is not reached');
  until.stored(30n);
  assert.equal(at(5_000), 2_000);
});

test('a server that writes nothing is captured up to now', () => {
  const { until, at } = captured();
  for (let time = 0; time <= 10_000; time += 1_000) {
    until.looked(10n, time);
    until.stored(10n);
  }
  assert.equal(at(10_000), 0);
});

test('of many looks at a long backlog those remain that say how old it is', () => {
  const { until, at } = captured();
  for (let time = 0; time < 3_600_000; time += 1_000) until.looked(BigInt(time), time);
  until.stored(1_800_000n);
  const behind = at(3_600_000)!;
  assert.ok(behind >= 1_800_000 && behind < 1_830_000, String(behind));
});

test('an agent that was started again knows it from the note', async () => {
  const { until, notes, at } = captured();
  until.looked(10n, 0);
  until.stored(10n);
  at(600_000);
  await until.note();
  const again = captured(notes).at(0)!;
  assert.ok(again >= 600_000 && again < 660_000, String(again));
});
