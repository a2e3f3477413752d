import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMendRequest, checkVerifyRequest, fromWire, MAX_KEYS, toWire } from './protocol.ts';
import type { SiteState } from './state.ts';

const STATE: SiteState = {
  site: 3,
  row: {
    birth: 9007199254740993n,
    stamps: [1n, 2n ** 62n],
    ...{ hashes: ['a', 'b'], bytes: 12, values: ['x', null] },
  },
  tombstone: { birth: 4n, stamp: 5n },
};

test('a state is the same after its way as JSON', () => {
  for (const state of [STATE, { site: 1 }, { site: 1, tombstone: STATE.tombstone! }]) {
    assert.deepEqual(fromWire(JSON.parse(JSON.stringify(toWire(state))), 2), state);
  }
});

const WIRE = toWire(STATE);

const BAD_STATES: [why: string, value: unknown][] = [
  ['nothing', null],
  ['no site', { ...WIRE, site: undefined }],
  ['a stamp that is no number', { ...WIRE, row: { ...WIRE.row, birth: 'x' } }],
  ['a stamp of another group', { ...WIRE, row: { ...WIRE.row, stamps: ['1'] } }],
  ['no hashes', { ...WIRE, row: { ...WIRE.row, hashes: undefined } }],
  ['a value that is no text', { ...WIRE, row: { ...WIRE.row, values: [1] } }],
  ['half a tombstone', { ...WIRE, tombstone: { birth: '1' } }],
];

for (const [why, value] of BAD_STATES) {
  test(`a state is refused: ${why}`, () => {
    assert.throws(() => fromWire(value, 2), { code: 'LINK_PROTOCOL' });
  });
}

test('questions of a comparison are taken', () => {
  const questions = [
    { op: 'buckets', entity: 'lease' },
    { op: 'keys', entity: 'lease', buckets: [0, 4095] },
    { op: 'states', entity: 'lease', keys: [['1'], ['2']], values: false },
    { op: 'positions' },
    { op: 'reach', positions: [[1, '99']] },
  ];
  for (const question of questions) assert.deepEqual(checkVerifyRequest(question), question);
});

const BAD_QUESTIONS: unknown[] = [
  null,
  'buckets',
  { op: 'drop' },
  { op: 'toString' },
  { op: '__proto__' },
  { op: 'buckets' },
  { op: 'keys', entity: 'lease', buckets: [4096] },
  { op: 'keys', entity: 'lease' },
  { op: 'states', entity: 'lease', keys: [[1]] },
  { op: 'states', entity: 'lease', keys: Array.from({ length: MAX_KEYS + 1 }, () => ['1']) },
  { op: 'reach', positions: [[1, '-1']] },
];

for (const [index, question] of BAD_QUESTIONS.entries()) {
  test(`question ${index} is refused`, () => {
    assert.throws(() => checkVerifyRequest(question), { code: 'LINK_PROTOCOL' });
  });
}

test('rows to mend are taken up to a number, and refused without what was compared', () => {
  const row = { key: ['1'], expected: '-', others: [WIRE] };
  const request = { entity: 'lease', rows: [row] };
  assert.deepEqual(checkMendRequest(request), request);
  const many = Array.from({ length: 201 }, () => row);
  for (const rows of [undefined, [{ ...row, expected: undefined }], [{ ...row, key: 1 }], many]) {
    assert.throws(() => checkMendRequest({ entity: 'lease', rows }), { code: 'LINK_PROTOCOL' });
  }
});
