import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { describeError } from '../../base/errors.ts';
import { readConfig } from './config.ts';
import type { SiteConfig } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'crp-config-'));
after(() => rmSync(folder, { recursive: true }));

const FILE = join(folder, 'syncline.yaml');
const DATABASE = 'url: postgresql://a:b@127.0.0.1:5481/syncline';

interface Parts {
  head?: string;
  database?: string;
  link?: string;
  rest?: string;
}

/** A configuration with some of its parts replaced. */
function yaml({
  head = 'site: ber\nnumber: 1\ngroup: main',
  database = DATABASE,
  link = 'port: 7481',
  rest = '',
}: Parts): string {
  return `${head}\ndatabase: {${database}}\nlink: {${link}}\n${rest}`;
}

function read(text: string): SiteConfig {
  writeFileSync(FILE, text);
  return readConfig(folder);
}

/** What is wrong with a configuration: one line, without the file, the code and the hint. */
function wrong(text: string): string {
  try {
    read(text);
  } catch (error) {
    const [line, ...more] = describeError(error).split('\n');
    assert.equal(more.length, 1, 'an error and a hint');
    const found = /^(.*?): (.*) \[CONFIG_INVALID\]$/.exec(line!);
    assert.equal(found?.[1], FILE);
    return found![2]!;
  }
  throw new Error('nothing is wrong');
}

test('what is left out has the default', () => {
  const { link, journal, clock, conflicts, database } = read(
    yaml({ link: '"host": "::1", port: 7481' }),
  );
  assert.deepEqual(link, { host: '::1', port: 7481, address: '[::1]:7481' });
  assert.deepEqual(journal, { quotaBytes: 10 * 2 ** 30 });
  assert.deepEqual(clock, { maxDriftMs: 10_000 });
  assert.deepEqual(conflicts, { keepMs: undefined });
  assert.equal(database.serviceUrl, database.url);
});

describe('one error says what is wrong', () => {
  const cases: [text: string, error: RegExp][] = [
    ['', /^it is empty$/],
    ['- a', /^it must be a mapping of options to values$/],
    [yaml({ rest: 'journal: {' }), /at line 6, column \d+$/],
    [yaml({ rest: 'site: muc' }), /^Map keys must be unique at line 6, column 1$/],
    [yaml({ rest: '---\nsite: muc' }), /^line 6, column 1: a second document/],
    [yaml({ rest: 'jurnal: {}' }), /^unknown option jurnal; known are site, /],
    [yaml({ rest: 'journal: {size: 1}' }), /^unknown option journal\.size; known are quota$/],
    [yaml({ rest: 'log: [debug]' }), /^log must be a mapping$/],
    [yaml({ head: 'number: 1' }), /^site is missing$/],
    [yaml({ head: 'site: BER' }), /^"BER" is not a name of a site$/],
    [
      yaml({ head: 'site: a\nnumber: 2048' }),
      /^number must be a whole number 1\.\.2047, not 2048$/,
    ],
    [yaml({ head: 'site: a\nnumber: 1\ngroup: A B' }), /^"A B" is not a name of a group$/],
    [yaml({ database: 'url: host=/run user=secret' }), /^database\.url must be a URI, [^=]*$/],
    [yaml({ database: `${DATABASE}, service-url: x` }), /^database\.service-url must be a URI/],
    [yaml({ link: '' }), /^link\.port is missing; it is a whole number 1\.\.65535$/],
    [yaml({ link: 'port: 1, address: a' }), /^link\.address must be host:port, not "a"$/],
    [yaml({ link: 'host: 0.0.0.0, port: 1' }), /^link\.address must be an address by which/],
    [yaml({ rest: 'journal: {quota: 10GB}' }), /^journal\.quota must be .* with a unit/],
    [yaml({ rest: 'journal: {quota: 0B}' }), /^journal\.quota must be at least 256KiB/],
    [yaml({ rest: 'journal: {quota: 9999999TiB}' }), /^journal\.quota is too large/],
    [yaml({ rest: 'clock: {max-drift: 1w}' }), /^clock\.max-drift must be .*\(ms, s, min, h, d\)/],
    [yaml({ rest: 'clock: {max-drift: 999999h}' }), /^clock\.max-drift must be at most 100000h/],
    [yaml({ rest: 'conflicts: {keep: 1min}' }), /^conflicts\.keep must be at least 1h/],
    [yaml({ rest: 'notify: {webhook: "http://a b"}' }), /^notify\.webhook must be an http or/],
    [
      yaml({ rest: 'notify: {webhook: "http://u:secret@a/"}' }),
      /^notify\.webhook cannot have a user or a password in it$/,
    ],
    [yaml({ rest: 'after-apply: {zone: []}' }), /^after-apply must be a mapping of entities/],
    [yaml({ rest: 'after-apply: {zone: [""]}' }), /^after-apply\.zone must be a text$/],
    [yaml({ rest: 'log: {level: loud}' }), /^log\.level must be one of debug, /],
  ];
  for (const [text, error] of cases) {
    test(error.source, () => assert.match(wrong(text), error));
  }
});
