import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotProblems } from './slot-problems.ts';
import type { SlotLimits, SlotStatus } from './slot-problems.ts';

const GIB = 2 ** 30;
const NOW = Date.parse('2026-01-01T12:00:00Z');
const LIMITS = { maxWal: GIB, keptWal: 0, freezeAge: 200_000_000, idleMs: 0 };
const FEW = { walStatus: 'reserved', walBytes: 1000, uncapturedBytes: 10, catalogXminAge: 5 };

const CASES: [string, Partial<SlotStatus>, Partial<SlotLimits>, RegExp[]][] = [
  ['nothing', {}, {}, []],
  ['a limit that is far', { safeBytes: 3 * GIB }, { keptWal: 4 * GIB }, []],
  [
    'half of the limit, by capture',
    { walBytes: 3 * GIB, uncapturedBytes: 3 * GIB, safeBytes: GIB, walStatus: 'extended' },
    { keptWal: 4 * GIB },
    [/^replication slot "s" keeps more than half .*_keep_size \(4\.0 GiB\).* what capture waits/],
  ],
  [
    'the limit is reached, by a transaction',
    { walBytes: 5 * GIB, safeBytes: -GIB, walStatus: 'unreserved' },
    { keptWal: 4 * GIB },
    [/drops it with its next checkpoint, .* or end the transactions that were open/],
  ],
  ['lost, which capture says', { walStatus: 'lost', walBytes: 5 * GIB }, { keptWal: GIB }, []],
  [
    'more than the server keeps by itself',
    { walBytes: 2 * GIB, walStatus: 'extended' },
    {},
    [/more WAL on the server's disk than max_wal_size \(1\.0 GiB\): end the transactions/],
  ],
  [
    'more than a small max_wal_size',
    { walBytes: GIB / 2, walStatus: 'extended' },
    { maxWal: GIB / 4 },
    [],
  ],
  ['vacuum', { catalogXminAge: 100_000_000 }, {}, [/autovacuum_freeze_max_age \(200000000/]],
  ['a short pause', { inactiveSince: '2026-01-01T11:50:00Z' }, { idleMs: 3_600_000 }, []],
  ['no limit of pauses', { inactiveSince: '2025-01-01T11:50:00Z' }, {}, []],
  [
    'a long pause',
    { inactiveSince: '2026-01-01T11:30:00Z' },
    { idleMs: 3_600_000 },
    [/is idle for more than half of .* \(3600 s\).* or see what capture waits for/],
  ],
];

for (const [name, slot, limits, expected] of CASES) {
  test(`problems of a slot: ${name}`, () => {
    const found = slotProblems({ name: 's', ...FEW, ...slot }, { ...LIMITS, ...limits }, NOW);
    assert.equal(found.length, expected.length, JSON.stringify(found));
    for (const [at, { message }] of found.entries()) assert.match(message, expected[at]!);
  });
}
