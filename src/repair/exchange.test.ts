import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wantedPositions } from './exchange.ts';

test('what an origin says of itself counts, not where the base copy of another site ends', () => {
  const wanted = wantedPositions(
    [
      {
        site: 1,
        positions: [
          [1, '100'],
          [2, '50'],
        ],
      },
      {
        site: 3,
        positions: [
          [3, '0'],
          [1, '120'],
          [2, '70'],
        ],
      },
    ],
    [{ site: 2, positions: [[2, '60']] }],
  );
  assert.deepEqual(
    new Map(wanted),
    new Map([
      [1, '100'],
      [2, '60'],
      [3, '0'],
    ]),
  );
});

test('of an origin that does not answer the most that a compared site has', () => {
  const wanted = wantedPositions(
    [
      {
        site: 1,
        positions: [
          [1, '5'],
          [9, '9'],
        ],
      },
      {
        site: 2,
        positions: [
          [2, '6'],
          [9, '10'],
        ],
      },
    ],
    [],
  );
  assert.deepEqual(wanted, [
    [1, '5'],
    [9, '10'],
    [2, '6'],
  ]);
});
