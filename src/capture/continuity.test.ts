import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../base/errors.ts';
import { checkSlot, Continuity } from './continuity.ts';

/** The code of the error that it throws; `fine` if it does not. */
function outcome(work: () => unknown): string {
  try {
    work();
    return 'fine';
  } catch (error) {
    return (error as AppError).code;
  }
}

/** Commits as position and time, `>` before a position that was read to. */
const READINGS: [read: string, found: string, why: string][] = [
  ['90/1 100/7 110/8', 'fine', 'the transaction that the journal ends with comes again'],
  ['90/1 >99', 'fine', 'it may still come'],
  ['90/1 >100', 'SITE_REWOUND', 'its place was passed and it did not come'],
  ['110/8', 'SITE_REWOUND', 'another one comes after its place'],
  ['100/8', 'SITE_REWOUND', 'another one is at its place'],
  ['100/7 >200 100/8', 'fine', 'once it came nothing more is asked'],
];

for (const [read, found, why] of READINGS) {
  test(`${read}: ${why}`, () => {
    const continuity = new Continuity({ position: 100n, time: 7n });
    const all = (): void => {
      for (const [, passed, position, time] of read.matchAll(/(>?)(\d+)(?:\/(\d+))?/g)) {
        if (passed === '>') continuity.readTo(BigInt(position!));
        else continuity.committed(BigInt(position!), BigInt(time!));
      }
    };
    assert.equal(outcome(all), found);
  });
}

test('where the journal does not know the time the position decides, and without a transaction nothing is asked', () => {
  const untimed = new Continuity({ position: 100n, time: undefined });
  assert.equal(
    outcome(() => untimed.committed(100n, 8n)),
    'fine',
  );
  const none = new Continuity(undefined);
  assert.equal(
    outcome(() => none.readTo(100n)),
    'fine',
  );
});

const SLOTS: [
  state: { written: bigint; confirmed?: bigint; lost?: true; noted?: bigint },
  found: string,
  why: string,
][] = [
  [{ written: 200n, confirmed: 100n, noted: 0n }, 'fine', 'the slot is where the journal ends'],
  [{ written: 200n, confirmed: 60n, noted: 0n }, 'fine', 'a crash of the server put it back'],
  [{ written: 200n, confirmed: 150n, noted: 150n }, 'fine', 'nothing was written here since'],
  [{ written: 200n, confirmed: 151n, noted: 150n }, 'CAPTURE_GAP', 'it was made again'],
  [{ written: 200n, confirmed: 150n }, 'fine', 'a journal of an earlier build has no note'],
  [{ written: 99n, confirmed: 60n, noted: 0n }, 'SITE_REWOUND', 'the database was put back'],
  [{ written: 200n, noted: 0n }, 'SLOT_MISSING', 'it was dropped'],
  [{ written: 200n, confirmed: 100n, lost: true, noted: 0n }, 'SLOT_LOST', 'its WAL is gone'],
];

for (const [state, found, why] of SLOTS) {
  test(`of a slot, ${why}: ${found}`, () => {
    const { written, confirmed, lost = false, noted } = state;
    const slot = confirmed === undefined ? undefined : { confirmed, lost };
    const place = { journal: { position: () => 100n }, site: 1, slot: 'crp_main_ber', noted };
    assert.equal(
      outcome(() => checkSlot({ written, slot }, place)),
      found,
    );
  });
}
