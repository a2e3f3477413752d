import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { addRecord, compileZone, readRawZone } from '../../../test/fixtures/zones/checkers.ts';
import { runChecker, skipWithout } from '../../../test/fixtures/zones/checkers.ts';
import type { WireZone } from '../../../test/fixtures/zones/checkers.ts';
import { randomLabel } from '../../../test/fixtures/zones/random-fields.ts';
import { RANDOM_RDATA } from '../../../test/fixtures/zones/random-rdata.ts';
import { Random } from '../../../test/fixtures/zones/random.ts';
import { readMasterFile } from './master-file.ts';
import type { ZoneRecord } from './master-file.ts';
import { parseName } from './names.ts';
import { formattedTypes } from './rdata/type-formats.ts';
import { typeName } from './rr-types.ts';
import { ROOT } from '../../../test/support/root.ts';
import { SEED } from '../../../test/support/seed.ts';

const FIXTURES = join(ROOT, 'test/fixtures/zones');
const EXAMPLE = join(ROOT, 'models/dns/data/example.net.zone');
const ZONE = 'example.net';

const HEAD = `$TTL 300\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n`;

/** Signatures that cover different types are different sets to BIND, with TTLs of their own. */
const RRSIG = 46;

function wireZone(records: Iterable<ZoneRecord>): WireZone {
  const zone: WireZone = new Map();
  for (const { owner, type, ttl, wire } of records) {
    addRecord(zone, { owner: parseName(owner, undefined), type, ttl, rdata: wire });
  }
  return zone;
}

function textOf(records: Iterable<ZoneRecord>): string {
  const lines = [...records].map(
    ({ owner, ttl, type, rdata }) => `${owner}\t${ttl}\tIN\t${typeName(type)}\t${rdata}\n`,
  );
  return lines.join('');
}

function assertSame(actual: WireZone, expected: WireZone): void {
  const plain = (zone: WireZone): unknown[] =>
    [...zone]
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([key, { ttl, rdata }]) => [key, key.endsWith(` ${RRSIG}`) ? 0 : ttl, rdata]);
  assert.deepEqual(plain(actual), plain(expected));
}

describe('master files as BIND reads them', { skip: skipWithout('named-compilezone') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bind-'));
  const raw = join(folder, 'raw');
  const ours = join(folder, 'ours.zone');
  const theirs = join(folder, 'theirs.zone');
  after(() => rmSync(folder, { recursive: true, force: true }));

  const bind = (file: string): WireZone => {
    compileZone(ZONE, file, { file: raw, style: 'raw' });
    return readRawZone(raw);
  };
  const read = (file: string): ZoneRecord[] => [...readMasterFile(file, { origin: ZONE })];
  /** The same octets from the file and from our text of it, and the same records from BIND's text. */
  const compare = (file: string, styles: ('full' | 'relative')[] = ['full', 'relative']): void => {
    const records = read(file);
    const expected = bind(file);
    assertSame(wireZone(records), expected);
    writeFileSync(ours, textOf(records));
    assertSame(bind(ours), expected);
    assert.equal(textOf(read(ours)), textOf(records));
    for (const style of styles) {
      compileZone(ZONE, file, { file: theirs, style });
      assertSame(wireZone(read(theirs)), expected);
    }
  };

  for (const fixture of ['syntax.zone', 'all-types.zone']) {
    test(`${fixture} has the same records`, () => compare(join(FIXTURES, fixture)));
  }

  test('the example zone has the same records', () => compare(EXAMPLE));

  test('random RRsets of every type have the same records', (context) => {
    context.diagnostic(`seed: SEED=${SEED}`);
    const random = new Random(SEED);
    for (let round = 0; round < 4; round++) {
      const lines = Object.keys(RANDOM_RDATA).flatMap((type) => {
        // One for the type: of records with different TTLs BIND takes the first or the last TTL,
        // depending on whether they stand together.
        const ttl = random.pick(['', '60', '1h', '1D2h']);
        return random.many(1, 8, () => randomLine(random, type, ttl));
      });
      const file = join(folder, `random-${round}.zone`);
      writeFileSync(file, HEAD + lines.join(''), 'latin1');
      // Writing some of these names in its relative style ends BIND 9.18 by an assertion of its own.
      compare(file, ['full']);
    }
  });

  test('types that BIND does not know by name have the octets of their generic form', () => {
    const rdata: Record<string, string> = {
      DSYNC: 'CDS NOTIFY 5300 Notify.example.org.',
      HHIT: 'AQIDBA==',
      BRID: 'AQIDBA==',
    };
    const unknown = formattedTypes()
      .map(typeName)
      .filter((type) => !(type in RANDOM_RDATA));
    const tested = new Set([...Object.keys(rdata), 'SOA', 'CNAME', 'DNAME', 'MD', 'MF', 'SIG']);
    // CDS and CDNSKEY share their format with DS and DNSKEY; BIND wants keys beside them.
    assert.deepEqual(unknown.filter((type) => !tested.has(type)).sort(), ['CDNSKEY', 'CDS']);
    const lines = Object.entries(rdata).map(([type, text]) => `x ${type} ${text}\n`);
    writeFileSync(ours, HEAD + lines.join(''));
    const records = read(ours);
    const generic = records
      .slice(3)
      .map(({ type, wire }) => `x TYPE${type} \\# ${wire.length} ${wire.toString('hex')}\n`);
    writeFileSync(theirs, HEAD + generic.join(''));
    assertSame(wireZone(records), bind(theirs));
  });

  test('a zone that dnssec-signzone signed has the same records', () => {
    const key = runChecker('dnssec-keygen', ['-q', '-K', folder, '-a', 'ED25519', ZONE]);
    assert.ok(key.ok, key.output);
    const args = ['-q', '-S', '-K', folder, '-d', folder, '-o', ZONE, '-f', theirs, '-P', EXAMPLE];
    for (const extra of [[], ['-3', 'aabbccdd']]) {
      const signed = runChecker('dnssec-signzone', [...extra, ...args]);
      assert.ok(signed.ok, signed.output);
      const records = read(theirs);
      assertSame(wireZone(records), bind(theirs));
      writeFileSync(ours, textOf(records));
      assertSame(bind(ours), bind(theirs));
    }
  });
});

/** One record in a random layout: TTL and class in any order, parentheses, comments. */
function randomLine(random: Random, type: string, ttl: string): string {
  // No apex, no absolute name. BIND takes one record a name of some types: those get a number.
  const labels = random.many(0, 2, () => randomLabel(random));
  const number = ['NSEC', 'RESINFO'].includes(type) ? String(random.below(1e9)) : 'x';
  const owner = [...labels, number].join('.');
  const head = [ttl, random.pick(['', 'IN', 'in'])];
  if (random.chance(50)) head.reverse();
  const data = RANDOM_RDATA[type]!(random);
  const rest = random.chance(20) ? `( ; comment "(\n  ${data} )` : data;
  return `${owner} ${head.join(' ')} ${random.chance(30) ? type.toLowerCase() : type} ${rest}\n`;
}

for (const [checker, accept] of [
  ['kzonecheck', (file: string) => ['-o', ZONE, file]],
  ['nsd-checkzone', (file: string) => [ZONE, file]],
] as const) {
  test(`${checker} accepts our text of the example zone`, { skip: skipWithout(checker) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'zone-'));
    try {
      const file = join(folder, 'ours.zone');
      writeFileSync(file, textOf(readMasterFile(EXAMPLE, { origin: ZONE })));
      const { ok, output } = runChecker(checker, accept(file));
      assert.ok(ok, output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
