import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canonicalName,
  compareNames,
  formatName,
  isWithin,
  lowerName,
  parseName,
} from './names.ts';

const ORIGIN = parseName('Example.', undefined);

test('names get one canonical text', () => {
  const cases: [text: string, canonical: string][] = [
    ['.', '.'],
    ['@', 'example.'],
    ['\\@', '\\@.example.'],
    ['WWW', 'www.example.'],
    ['www.', 'www.'],
    ['\\119\\087w', 'www.example.'],
    ['a\\.b', 'a\\.b.example.'],
    ['a\\046b', 'a\\.b.example.'],
    ['a\\b', 'ab.example.'],
    ['a\\\\', 'a\\\\.example.'],
    ['*', '*.example.'],
    ['a\\ b', 'a\\032b.example.'],
    ['\\(\\)\\;\\"\\$x~!', '\\(\\)\\;\\"\\$x~!.example.'],
    ['\u00c4', '\\196.example.'],
  ];
  for (const [text, canonical] of cases) {
    const wire = lowerName(parseName(text, ORIGIN));
    assert.equal(formatName(wire), canonical);
    assert.deepEqual(parseName(canonical, undefined), wire);
  }
});

test('the longest label and name are taken, longer ones are not', () => {
  const label = 'a'.repeat(63);
  const longest = `${label}.${label}.${label}.${'b'.repeat(61)}.`;
  assert.equal(parseName(longest, undefined).length, 255);
  assert.equal(parseName(longest.slice(0, -9), ORIGIN).length, 255);
  assert.throws(() => parseName(longest.slice(0, -8), ORIGIN), /more than 255/);
  assert.throws(() => parseName(`${longest.slice(0, -1)}b.`, undefined), /more than 255/);
  assert.throws(() => parseName(`${label}a.`, undefined), /64 octets/);
  for (const text of ['', '..', '.a', 'a..', 'a..b']) {
    assert.throws(() => parseName(text, ORIGIN), /empty label/);
  }
  assert.throws(() => parseName('a', undefined), /no origin is known/);
});

test('a name is within a zone by labels, not by letters', () => {
  assert.equal(isWithin('a.example.', 'example.'), true);
  assert.equal(isWithin('example.', 'example.'), true);
  assert.equal(isWithin('anexample.', 'example.'), false);
  assert.equal(isWithin('a\\.example.', 'example.'), false);
  assert.equal(isWithin('a\\\\.example.', 'example.'), true);
  assert.equal(isWithin('anything.', '.'), true);
});

test('the canonical order is that of RFC 4034 §6.1', () => {
  const ordered = [
    ...['example.', 'a.example.', 'yljkjljk.a.example.', 'Z.a.example.', 'zABC.a.EXAMPLE.'],
    ...['z.example.', '\\001.z.example.', '*.z.example.', '\\200.z.example.'],
  ];
  const wire = ordered.map((name) => parseName(name, undefined));
  assert.deepEqual([...wire].reverse().sort(compareNames), wire);
});

test('a name that a person gives is absolute with or without its dot', () => {
  assert.equal(canonicalName('Example.NET'), 'example.net.');
  assert.equal(canonicalName('example.net.'), 'example.net.');
  assert.equal(canonicalName('b\u00fccher.example'), 'b\\195\\188cher.example.');
});
