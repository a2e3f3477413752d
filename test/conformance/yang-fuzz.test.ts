/** Mutated modules and documents: whatever they hold, reading them ends, in time, with diagnostics. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileModules } from '../../src/yang/compile/compile.ts';
import { validateInstance } from '../../src/yang/instance/validate.ts';
import { createFinder } from '../../src/yang/load.ts';
import type { SourceFile } from '../../src/yang/source.ts';
import type { Statement } from '../../src/yang/statement.ts';
import { KEYWORDS } from '../../src/yang/grammar/statements.ts';
import { parseSource } from '../../src/yang/syntax/parser.ts';
import type { Random } from './yang-generate.ts';
import { createRandom, pick } from './yang-generate.ts';
import { ROOT } from '../support/root.ts';
import { SEED } from '../support/seed.ts';

const MODULES = join(ROOT, 'test/conformance/modules');
const DATA = join(ROOT, 'test/conformance/yang-data');

/** Most CPU time that a mutation of a module of this size may take, µs, however busy the machine is. */
const LIMIT_US = 20_000_000;

/** Runs so many mutations; a failure names the seed and the number of the mutation. */
function mutate(name: string, count: number, run: (random: Random) => void): void {
  test(`${name} (SEED=${SEED})`, () => {
    for (let number = 0; number < count; number++) {
      const start = process.cpuUsage();
      assert.doesNotThrow(() => run(createRandom(SEED + number)), `mutation ${number}`);
      const { user } = process.cpuUsage(start);
      assert.ok(user < LIMIT_US, `mutation ${number} took too long`);
    }
  });
}

const find = createFinder([MODULES]);

/** Small enough to be compiled many times a second, and together with every kind of statement. */
const SOURCES: readonly SourceFile[] = [
  'ietf-interfaces@2018-02-20',
  'ietf-ip@2018-02-22',
  'ietf-netconf-acm@2018-02-14',
  'ietf-network-topology@2018-02-26',
  'ietf-routing-types@2017-12-04',
  'ietf-tcg-algs@2024-12-05',
  'ietf-yang-library@2019-01-04',
  'ietf-key-chain@2017-06-15',
  'ietf-alarms@2022-06-06',
].map((name) => {
  const file = join(MODULES, `${name}.yang`);
  return { name: file, text: readFileSync(file, 'utf8') };
});

function compile(source: SourceFile): void {
  const { diagnostics } = compileModules({ sources: [source], find });
  for (const { span } of diagnostics) assert.ok(span.start.line > 0 && span.start.column > 0);
}

mutate('characters of modules replaced, dropped and moved', 60, (random) => {
  const { name, text } = pick(random, SOURCES);
  let mutated = text;
  for (let edits = 1 + random(3); edits > 0; edits--) mutated = editText(random, mutated);
  compile({ name, text: mutated });
});

const SPLICES = [
  '{',
  '}',
  ';',
  '"',
  "'",
  '/*',
  '//',
  '\\',
  '+',
  '\u0000',
  '\n',
  ' ',
  ':',
  '(',
  '[',
  '..',
  '|',
];

function editText(random: Random, text: string): string {
  const at = random(text.length + 1);
  const length = random(random(4) === 0 ? 200 : 4);
  switch (random(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + pick(random, SPLICES) + text.slice(at);
    case 2:
      return text.slice(0, at) + pick(random, SPLICES) + text.slice(at + length);
    default:
      return (
        text.slice(0, at) + text.slice(random(text.length), random(text.length)) + text.slice(at)
      );
  }
}

mutate('statements of modules dropped, doubled, moved and renamed', 60, (random) => {
  const source = pick(random, SOURCES);
  const { root } = parseSource(source);
  for (let edits = 1 + random(4); edits > 0; edits--) editStatements(random, root!);
  compile({ name: source.name, text: printStatement(root!) });
});

function editStatements(random: Random, root: Statement): void {
  const all = [...walk(root)];
  const parent = pick(
    random,
    all.filter(({ substatements }) => substatements.length > 0),
  );
  const index = random(parent.substatements.length);
  const child = parent.substatements[index]!;
  const other = pick(random, all);
  switch (random(6)) {
    case 0:
      parent.substatements.splice(index, 1);
      return;
    case 1:
      parent.substatements.splice(index, 0, structuredClone(child));
      return;
    case 2:
      parent.substatements.splice(random(parent.substatements.length), 0, structuredClone(other));
      return;
    case 3:
      child.keyword = pick(random, KEYWORDS);
      return;
    case 4:
      child.argument = other.argument;
      return;
    default: {
      const argument = child.argument ?? '';
      child.argument = editText(random, argument);
    }
  }
}

function* walk(statement: Statement): Generator<Statement> {
  yield statement;
  for (const child of statement.substatements) yield* walk(child);
}

function printStatement({ keyword, argument, substatements }: Statement): string {
  const quoted = argument === undefined ? '' : ` '${argument.replaceAll("'", '')}'`;
  if (substatements.length === 0) return `${keyword}${quoted};\n`;
  return `${keyword}${quoted} {\n${substatements.map(printStatement).join('')}}\n`;
}

const models = readdirSync(join(DATA, 'models')).map((name) => ({
  name,
  text: readFileSync(join(DATA, 'models', name), 'utf8'),
}));
const { context } = compileModules({
  sources: models,
  find: createFinder([MODULES, join(ROOT, 'yang')]),
});
const documents = readdirSync(join(DATA, 'documents')).map((name) => ({
  name,
  text: readFileSync(join(DATA, 'documents', name), 'utf8'),
}));

mutate('documents changed at random places', 1000, (random) => {
  const { name, text } = pick(random, documents);
  let mutated = text;
  for (let edits = 1 + random(3); edits > 0; edits--) mutated = editText(random, mutated);
  validateInstance({ name, text: mutated }, { context }).toJson({ defaults: true });
});

mutate('values in documents exchanged', 2000, (random) => {
  const { name, text } = pick(random, documents);
  const document: unknown = JSON.parse(text);
  for (let edits = 1 + random(3); edits > 0; edits--) exchange(random, document);
  validateInstance({ name, text: JSON.stringify(document) }, { context }).toJson({
    defaults: true,
  });
});

const VALUES = [
  null,
  true,
  0,
  -1,
  1e300,
  '',
  'x',
  'example.net.',
  [],
  [null],
  {},
  [{}],
  ['a', 'a'],
];

function exchange(random: Random, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  const keys = Object.keys(holder);
  if (keys.length === 0) return;
  const key = pick(random, keys);
  if (random(3) > 0) exchange(random, holder[key]);
  else if (random(2) === 0) holder[key] = structuredClone(pick(random, VALUES));
  else if (Array.isArray(holder[key]))
    holder[key] = [...(holder[key] as unknown[]), ...(holder[key] as unknown[])];
  else delete holder[key];
}
