import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { AppError } from '../../base/errors.ts';
import { readMasterFile } from './master-file.ts';
import type { MasterFileOptions } from './master-file.ts';
import { typeName } from './rr-types.ts';

describe('master files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zone-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** The records of the first file as texts; the others are there to be included. */
  const read = (files: Record<string, string>, options: MasterFileOptions = {}): string[] => {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text, 'latin1');
    }
    const file = join(folder, Object.keys(files)[0]!);
    const records = [...readMasterFile(file, { origin: 'example', ...options })];
    return records.map(
      ({ owner, ttl, type, rdata }) => `${owner} ${ttl} ${typeName(type)} ${rdata}`,
    );
  };

  const CASES: [what: string, text: string, records: string[]][] = [
    ['an empty file', '', []],
    ['comments and empty lines', '; x\n\n   \n\t; y\n()\n', []],
    ['no newline at the end', 'a 1 A 1.1.1.1', ['a.example. 1 A 1.1.1.1']],
    ['lines that end in CR LF', '$TTL 1\r\na A 1.1.1.1\r\n', ['a.example. 1 A 1.1.1.1']],
    ['a byte order mark', '\xef\xbb\xbfa 1 A 1.1.1.1', ['a.example. 1 A 1.1.1.1']],
    ['class before TTL', 'a IN 1h A 1.1.1.1', ['a.example. 3600 A 1.1.1.1']],
    ['TTL before class', 'a 1h in a 1.1.1.1', ['a.example. 3600 A 1.1.1.1']],
    ['generic class', 'a 1 CLASS1 A 1.1.1.1', ['a.example. 1 A 1.1.1.1']],
    ['an owner that looks like a TTL', '1h 1 A 1.1.1.1', ['1h.example. 1 A 1.1.1.1']],
    ['an owner that looks like a class', 'IN 1 A 1.1.1.1', ['in.example. 1 A 1.1.1.1']],
    [
      'owner and last TTL of the record before',
      'a 5 A 1.1.1.1\n A 1.1.1.2\nb A 1.1.1.3\n',
      ['a.example. 5 A 1.1.1.1', 'a.example. 5 A 1.1.1.2', 'b.example. 5 A 1.1.1.3'],
    ],
    [
      '$TTL before the last TTL',
      '$TTL 1w2D3h4m5S\na 5 A 1.1.1.1\nb A 1.1.1.2',
      ['a.example. 5 A 1.1.1.1', 'b.example. 788645 A 1.1.1.2'],
    ],
    [
      'the minimum of SOA where no TTL is known',
      '@ SOA a b 1 2 3 4 5\n NS a',
      ['example. 5 SOA a.example. b.example. 1 2 3 4 5', 'example. 5 NS a.example.'],
    ],
    [
      '$ORIGIN, absolute and relative',
      '$ORIGIN Sub\na 1 NS b\n$ORIGIN x.\n@ NS @\n\\@ NS c.\n',
      ['a.sub.example. 1 NS b.sub.example.', 'x. 1 NS x.', '\\@.x. 1 NS c.'],
    ],
    [
      'parentheses over lines',
      'a 1 ( MX ; here "(\n 10\n\n ) ( b\n) ; end\nc (1) A 1.1.1.1',
      ['a.example. 1 MX 10 b.example.', 'c.example. 1 A 1.1.1.1'],
    ],
    [
      'a line in parentheses that begins without a blank',
      'a 1 TXT (\nx\n)\n A 1.1.1.1',
      ['a.example. 1 TXT "x"', 'a.example. 1 A 1.1.1.1'],
    ],
    [
      'escapes and quotes',
      'a\\.b\\; 1 TXT a\\ b "c;d" e\\"f "g\\"h"',
      ['a\\.b\\;.example. 1 TXT "a b" "c;d" "e\\"f" "g\\"h"'],
    ],
    ['a directive that is escaped', '\\$TTL 1 A 1.1.1.1', ['\\$ttl.example. 1 A 1.1.1.1']],
    [
      '$GENERATE',
      '$GENERATE 0-4/2 h${1,3} 1 A 10.0.0.$\n$GENERATE 10-11 $.$$ 2 IN MX "$ m${0,2,X}"',
      [
        ...['h001.example. 1 A 10.0.0.0', 'h003.example. 1 A 10.0.0.2'],
        ...['h005.example. 1 A 10.0.0.4', '10.\\$.example. 2 MX 10 m0A.example.'],
        '11.\\$.example. 2 MX 11 m0B.example.',
      ].map((text) => text.replace(/m0[AB]/, (found) => found.toLowerCase())),
    ],
    [
      '$GENERATE with nibbles and each modifier on its own',
      '$GENERATE 255-255 ${-1,3,n}.${0,1,N}.$ 1 TXT "\\"a $\\" ${0,4,o} ${-300}"',
      ['e.f.f.f.255.example. 1 TXT "a 255" "0377" "-45"'],
    ],
  ];
  for (const [what, text, records] of CASES) {
    test(`reads ${what}`, () => assert.deepEqual(read({ 'zone.txt': text }), records));
  }

  test('an included file has its own origin, and gives owner and origin back', () => {
    const files = {
      'main.txt': '$TTL 1\na A 1.1.1.1\n$INCLUDE sub/one.txt Other\n A 1.1.1.4\nb A 1.1.1.5\n',
      'sub/one.txt': ' A 1.1.1.2\n$INCLUDE "two.txt"\n',
      'sub/two.txt': '$ORIGIN deep\n$TTL 9\nc A 1.1.1.3\n',
    };
    assert.deepEqual(read(files), [
      ...['a.example. 1 A 1.1.1.1', 'a.example. 1 A 1.1.1.2', 'c.deep.other.example. 9 A 1.1.1.3'],
      ...['a.example. 9 A 1.1.1.4', 'b.example. 9 A 1.1.1.5'],
    ]);
  });

  test('a file that includes itself is refused, also by another name', () => {
    read({ 'link.txt': '' });
    rmSync(join(folder, 'link.txt'));
    symlinkSync(join(folder, 'loop.txt'), join(folder, 'link.txt'));
    assert.throws(
      () => read({ 'loop.txt': '$INCLUDE other.txt', 'other.txt': '$INCLUDE link.txt' }),
      {
        message: `${join(folder, 'other.txt')}:1:10: "link.txt" includes itself`,
      },
    );
  });

  test('includes end at a depth', () => {
    const files: Record<string, string> = {};
    for (let n = 0; n < 20; n++) files[`${n}.txt`] = `$INCLUDE ${n + 1}.txt`;
    assert.throws(() => read(files), /16.txt:1:10: "17.txt" is the file number 17 inside another/);
    assert.throws(() => read({ 'm.txt': '$INCLUDE nowhere' }), { code: 'ZONE_FILE' });
  });

  const ERRORS: [text: string, place: string, message: RegExp, hint: RegExp][] = [
    ['a A 1.1.1.1', '1:5', /no TTL/, /\$TTL 3600/],
    [' 1 A 1.1.1.1', '1:4', /no owner/, /beginning of the line/],
    ['a', '1:1', /line ends where a record type is wanted/, /Add/],
    ['a 1 FOO x', '1:5', /"FOO" is not a record type/, /TYPE and its number/],
    ['\n\na 1 IN 2 A 1.1.1.1', '3:8', /"2" is a second TTL/, /Remove one/],
    ['a 1 CH A 1.1.1.1', '1:5', /the class is "CH"/, /class IN/],
    ['a 1 AXFR', '1:5', /AXFR is a type of questions/, /no zone can hold it/],
    ['a 1 OPT \\# 0', '1:5', /OPT is a type of questions/, /RFC 6895/],
    ['a 2147483648 A 1.1.1.1', '1:3', /is not a time of at most 2147483647/, /units/],
    ['a 1h30 A 1.1.1.1', '1:3', /"1h30" is not a time/, /units/],
    ['"a" 1 A 1.1.1.1', '1:1', /an owner is in quotes/, /Remove the quotes/],
    ['a 1 A ( 1.1.1.1\n\n', '1:7', /"\(" is not closed/, /missing/],
    ['a 1 A 1.1.1.1 )', '1:15', /a "\)" has no "\("/, /Remove it/],
    ['a 1 TXT "x\n"', '1:9', /does not end on its line/, /double quote/],
    ['a 1 TXT \0', '1:9', /octet 0/, /text file/],
    ['$FOO 1', '1:1', /"\$FOO" is not a directive/, /Known are/],
    ['$TTL', '1:1', /line ends where a TTL/, /Add/],
    ['$TTL 1 2', '1:8', /"2" is left over/, /Remove it/],
    ['$ORIGIN', '1:1', /line ends where a name/, /Add/],
    ['$GENERATE 2-1 a A 1.1.1.1', '1:11', /"2-1" is not a range/, /START-STOP/],
    ['$GENERATE 0-2147483647 a A 1.1.1.1', '1:11', /more than 16777216/, /smaller/],
    ['$GENERATE 1-2 a${1,2,z} 1 A 1.1.1.1', '1:15', /"\$\{1,2,z\}" is not a modifier/, /OFFSET/],
    ['$GENERATE 1-2 a$ 1 MX 10 b', '1:26', /"b" is left over/, /in quotes/],
    ['$GENERATE 254-256 a$ 1 A 10.0.0.$', '1:26', /"10.0.0.256" is not an IPv4/, /0 to 255/],
    ['$GENERATE 1-1 a$ 1 TXT "\\"$"', '1:24', /quoted string .* does not end/, /Close/],
    ['$GENERATE 2147483647-2147483647 ${1} 1 A 1.1.1.1', '1:42', /makes 2147483648/, /2147483647/],
  ];
  for (const [text, place, message, hint] of ERRORS) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => read({ 'zone.txt': text }),
        (error) => {
          assert.ok(error instanceof AppError, String(error));
          assert.equal(error.code, 'ZONE_SYNTAX');
          assert.ok(error.message.includes(`/zone.txt:${place}: `), error.message);
          assert.match(error.message, message);
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
    });
  }

  test('a relative name without an origin is refused', () => {
    assert.throws(() => read({ 'zone.txt': 'a 1 A 1.1.1.1' }, { origin: undefined }), {
      message: /:1:1: "a" is relative, and no origin is known here/,
      hint: /--origin/,
    });
  });

  test('lines and records have a longest length', () => {
    assert.throws(() => read({ 'zone.txt': `a 1 TXT ${'x'.repeat(1024 * 1024)}` }), /longer than/);
    const many = `a 1 TXT (\n${`${'"x" '.repeat(100)}\n`.repeat(20_000)})`;
    assert.throws(() => read({ 'zone.txt': many }), /:10487:\d+: the record is longer than/);
    const strings = (count: number): string => `a 1 TXT ${`"${'x'.repeat(255)}" `.repeat(count)}`;
    assert.equal(read({ 'zone.txt': strings(255) }).length, 1);
    assert.throws(() => read({ 'zone.txt': strings(256) }), /longer than 65535 octets/);
  });

  test('odd things are warned about, with their place', () => {
    const warnings: string[] = [];
    const warn = (text: string): unknown => warnings.push(text);
    read({ 'zone.txt': `@ SOA a b 1 2 3 4 5\n TXT ${'x'.repeat(300)}` }, { warn });
    assert.match(warnings[0]!, /:1:19: no TTL is given; the minimum of the SOA record, 5, is used/);
    assert.match(warnings[1]!, /:2:6: a text of 300 octets was cut into strings of 255/);
  });
});
