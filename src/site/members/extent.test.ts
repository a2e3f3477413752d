import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extentOf, Extents, stated } from './extent.ts';
import type { Statement } from './extent.ts';

const says = (gone: number[], ...journal: [number, bigint][]): Statement => ({
  ...{ gone: new Set(gone), journal: new Map(journal) },
});

const CASES: [title: string, statements: (Statement | undefined)[], extent: bigint | undefined][] =
  [
    ['the most that any member has', [says([3], [3, 5n]), says([3], [3, 9n])], 9n],
    ['nothing, where nobody has anything', [says([3], [3, 0n]), says([3], [3, 0n])], 0n],
    ['not known while a member was not heard', [says([3], [3, 5n]), undefined], undefined],
    ['not known of who may still pull from it', [says([3], [3, 5n]), says([], [3, 5n])], undefined],
    ['not known while a part is not on disk', [says([3], [3, 5n]), says([3])], undefined],
  ];

for (const [title, statements, extent] of CASES) {
  test(`what there is of a site that has left: ${title}`, () => {
    assert.equal(extentOf(3, [3], statements), extent);
  });
}

test('who does not know of another one that has left may get the changes by way of it', () => {
  const statements = [says([3, 4], [3, 5n], [4, 0n]), says([3], [3, 5n], [4, 0n])];
  assert.equal(extentOf(3, [3, 4], statements), undefined);
  assert.equal(extentOf(3, [3], statements), 5n);
});

test('what is known stays known while a site joins, and falls with a member that had more', () => {
  const extents = new Extents();
  const own = says([3], [3, 5n]);
  assert.deepEqual([...extents.update([3], [own, says([3], [3, 9n])])], [[3, 9n]]);
  assert.deepEqual([...extents.update([3], [own, undefined])], [[3, 9n]]);
  const later = says([3, 4], [3, 5n], [4, 1n]);
  assert.deepEqual(
    [...extents.update([3, 4], [later])],
    [
      [3, 5n],
      [4, 1n],
    ],
  );
});

test('a site says of those that are gone all that it has, once that is on disk', () => {
  const positions = new Map([
    [2, { position: 20n, durable: 10n }],
    [3, { position: 30n, durable: 20n }],
    [4, { position: 40n, durable: 40n }],
    [5, { position: 50n, durable: 50n }],
    [6, { position: 60n, durable: 60n }],
  ]);
  const journal = {
    origins: () => [1, 2, 3, 4, 5],
    position: (origin: number) => positions.get(origin)?.position ?? 0n,
    durable: (origin: number) => positions.get(origin)?.durable ?? 0n,
  };
  const applied = new Map([
    [3, 20n],
    [4, 39n],
    [6, 61n],
  ]);
  const gone = [3, 4, 5, 6];
  const statement = stated({ self: 1, journal, gone, applied: (origin) => applied.get(origin) });
  assert.deepEqual(
    [...statement.journal],
    [
      [2, 10n],
      [4, 40n],
      [6, 61n],
    ],
  );
});
