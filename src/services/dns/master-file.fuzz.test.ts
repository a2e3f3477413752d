import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Random } from '../../../test/fixtures/zones/random.ts';
import { AppError } from '../../base/errors.ts';
import { readMasterFile } from './master-file.ts';
import type { ZoneRecord } from './master-file.ts';
import { canonicalRdata } from './rdata/rdata.ts';
import { formattedTypes } from './rdata/type-formats.ts';
import { typeName } from './rr-types.ts';
import { ROOT } from '../../../test/support/root.ts';
import { SEED } from '../../../test/support/seed.ts';

const SEEDS = [
  ...['test/fixtures/zones/syntax.zone', 'test/fixtures/zones/all-types.zone'],
  'models/dns/data/example.net.zone',
].map((file) => readFileSync(join(ROOT, file), 'latin1'));

const FILES = 400;
const DATA = 4000;

/** Most CPU time for one small file, µs: far more than it takes, far less than a loop without end. */
const LIMIT_US = 5_000_000;

/** Records of one file that are looked at; a mutated $GENERATE may make millions. */
const RECORDS = 5_000;

const PIECES = [
  '"',
  '(',
  ')',
  ';',
  '\\',
  '\\0',
  '\\300',
  '$',
  '@',
  '.',
  '..',
  '\n',
  ' ',
  '\t',
  '\r',
  '\0',
];
const WORDS = [
  '\\#',
  '$GENERATE 1-9 ',
  '${1,2,d}',
  '$INCLUDE zone ',
  '$ORIGIN ',
  'TYPE65535',
  '-1',
  '4294967296',
];

describe('master files that are broken at random', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('are read or refused, and what is read stays the same', (context) => {
    context.diagnostic(`seed: SEED=${SEED}`);
    const random = new Random(SEED);
    let read = 0;
    for (let round = 0; round < FILES; round++) {
      const file = join(folder, 'zone');
      writeFileSync(file, mutate(random, random.pick(SEEDS)), 'latin1');
      const start = process.cpuUsage();
      for (const record of tryRead(file)) {
        read += 1;
        if (read % 50 === 0) checkStable(record);
      }
      assert.ok(process.cpuUsage(start).user < LIMIT_US, 'a file takes too long');
    }
    assert.ok(read > FILES, 'hardly a record was read');
  });

  test('generic data of every type are taken or refused', (context) => {
    context.diagnostic(`seed: SEED=${SEED}`);
    const random = new Random(SEED);
    const types = formattedTypes();
    for (let round = 0; round < DATA; round++) {
      const bytes = random.bytes(0, 40);
      // Small numbers are lengths and kinds that are right more often.
      for (let at = 0; at < bytes.length; at++) if (random.chance(60)) bytes[at] = random.below(5);
      const type = typeName(random.pick(types));
      const data = tryCanonical(type, `\\# ${bytes.length} ${bytes.toString('hex')}`);
      if (data === undefined) continue;
      assert.deepEqual(canonicalRdata(type, data.text), data, `${type} ${data.text}`);
    }
  });
});

function* tryRead(file: string): Generator<ZoneRecord> {
  let count = 0;
  try {
    for (const record of readMasterFile(file, { origin: 'example.net' })) {
      yield record;
      count += 1;
      if (count === RECORDS) return;
    }
  } catch (error) {
    assertRefusal(error);
  }
}

function tryCanonical(type: string, text: string): { text: string; wire: Buffer } | undefined {
  try {
    return canonicalRdata(type, text);
  } catch (error) {
    assertRefusal(error);
    return undefined;
  }
}

function assertRefusal(error: unknown): void {
  assert.ok(error instanceof AppError, error instanceof Error ? error.stack : String(error));
  assert.match(error.message, /:\d+:\d+: |Cannot read/);
  assert.ok(error.hint);
}

function checkStable({ type, rdata, wire }: ZoneRecord): void {
  assert.deepEqual(canonicalRdata(typeName(type), rdata), { text: rdata, wire });
  assert.match(rdata, /^[\x20-\x7e]+$/);
}

/** Part of a file with a few changes, so that a good number of its records is reached. */
function mutate(random: Random, text: string): string {
  const from = random.chance(50) ? 0 : random.below(text.length);
  let mutated = text.slice(from, from + 200 + random.below(6000));
  for (let change = random.below(4); change >= 0; change--) {
    const at = random.below(mutated.length + 1);
    const skip = random.chance(50) ? 0 : random.below(8);
    const piece = random.chance(50) ? random.pick(PIECES) : random.pick(WORDS);
    const insert = random.chance(30) ? String.fromCharCode(random.below(256)) : piece;
    mutated = mutated.slice(0, at) + insert + mutated.slice(at + skip);
  }
  return random.chance(50) ? `$TTL 60\nx A 192.0.2.1\n${mutated}` : mutated;
}
