/** Documents made from schemas, half of them broken in one place, judged by us and by yanglint. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { formatDiagnostic } from '../../src/yang/diagnostics.ts';
import { validateInstance } from '../../src/yang/instance/validate.ts';
import { loadModules } from '../../src/yang/load.ts';
import { Generator, createRandom, mutateDocument } from './yang-generate.ts';
import { missingYanglint, yanglint } from './yang-yanglint.ts';
import { ROOT } from '../support/root.ts';

const MODULES = join(ROOT, 'test/conformance/modules');
const DATA = join(ROOT, 'test/conformance/yang-data');
const MODELS = join(DATA, 'models');

/** Documents for each model; the same ones in every run unless another seed is given. */
const DOCUMENTS = 12;
const seed = Number(process.env.YANG_DATA_SEED ?? 1);

/**
 * ietf-netconf-acm is not among them: libyang has code of its own for node-instance-identifier, which
 * refuses XPath that RFC 8341 leaves to the server.
 */
const SCHEMAS: readonly (readonly string[])[] = [
  [join(DATA, 'probe-values.yang')],
  [join(MODELS, 'common-dns-zone@2026-11-22.yang')],
  [join(MODELS, 'common-prepaid@2026-11-22.yang')],
  [join(MODULES, 'ietf-system@2014-08-06.yang')],
  [join(MODULES, 'ietf-key-chain@2017-06-15.yang')],
  [join(MODULES, 'ietf-nat@2019-01-10.yang')],
  [join(MODULES, 'ietf-access-control-list@2019-03-04.yang')],
  [join(MODULES, 'ietf-interfaces@2018-02-20.yang'), join(MODULES, 'ietf-ip@2018-02-22.yang')],
  [join(MODULES, 'ietf-twamp@2021-11-17.yang')],
];

let scratch = '';
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'syncline-yang-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

describe(
  'generated documents get the verdict and the canonical form of yanglint',
  { skip: missingYanglint() ?? false },
  () => {
    for (const [index, files] of SCHEMAS.entries()) {
      const name = files.at(-1)!.replace(/^.*\/|\.yang$/g, '');
      test(`${name} (YANG_DATA_SEED=${seed})`, async () => {
        const { context } = loadModules({
          files,
          searchPath: [MODELS, MODULES],
          lenientXPath: true,
        });
        for (let number = 0; number < DOCUMENTS; number++) {
          const random = createRandom(seed * 1000 + index * 100 + number);
          const document = new Generator(context, random).document();
          if (number % 2 === 1) mutateDocument(random, document);
          await compare(JSON.stringify(document), { context, files });
        }
      });
    }
  },
);

async function compare(
  text: string,
  {
    context,
    files,
  }: { context: ReturnType<typeof loadModules>['context']; files: readonly string[] },
): Promise<void> {
  const file = join(scratch, 'document.json');
  writeFileSync(file, text);
  const paths = ['-p', MODELS, '-p', MODULES];
  const theirs = await yanglint([...paths, '-t', 'config', '-f', 'json', ...files, file]);
  const ours = validateInstance({ name: file, text }, { context, content: 'config' });
  const errors = ours.diagnostics
    .filter(({ severity }) => severity === 'error')
    .map(formatDiagnostic);
  const said = `${text}\nwe: ${errors.join('\n')}\nyanglint: ${theirs.errors}`;
  assert.equal(errors.length === 0, theirs.accepted, said);
  if (!theirs.accepted) return;
  const canonical: unknown = JSON.parse(theirs.output === '' ? '{}' : theirs.output);
  assert.equal(JSON.stringify(ours.toJson()), JSON.stringify(canonical));
}
