import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type pg from 'pg';
import type { CompileAllResult } from '../model/compile.ts';
import { withConnection } from '../postgres/connect.ts';
import { validateInstance } from '../yang/instance/validate.ts';
import { compileTexts, moduleText } from '../../test/support/model-text.ts';
import { installModel } from '../../test/support/install.ts';
import { startServer } from '../../test/support/server.ts';
import { SEED } from '../../test/support/seed.ts';

/** Texts of all shapes that the types below tell apart, and what lies just outside of them. */
const TEXTS = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...Array.from('aAzZ019.-_*:/+ \\é\u{1f600}\t\n')),
    maxLength: 6,
  }),
  fc.constantFrom(...['', 'a', 'c', 'a b', 'b a', 'a  b', 'true', 'false', 'mo', 'tu', 'x-y']),
  fc.constantFrom(...['0', '-0', '00', '7', '127', '128', '-128', '-129', '1.5', '1.25', '+1']),
  fc.constantFrom(...['TYPE1', 'TYPE01', 'TYPE99999', 'a.', '.', 'a.b.', '\\032.', '\\256.', '*.']),
  fc.constantFrom(...['2001:db8::1', '192.0.2.1', '192.0.2.256', 'fe80::1%eth0', '::', '1:2']),
);

/** Leafs whose values are text in JSON and in SQL, so that one text can be tried on both. */
const LEAFS: Record<string, string> = {
  length: 'string { length "2..3 | 5"; }',
  pattern: `string { pattern '[a-z]+\\d*(\\.[^ab])?'; }`,
  class: `string { pattern '\\i\\c*'; }`,
  unicode: `string { pattern '\\p{L}*'; }`,
  minus: `string { pattern '[a-z-[aeiou]]+'; }`,
  any: `string { pattern '.+'; }`,
  inverted: `string { pattern '.*[0-9].*' { modifier invert-match; } }`,
  flags: 'bits { bit a; bit b; bit c; }',
  day: 'enumeration { enum mo; enum tu; enum "x-y"; }',
  either: 'union { type enumeration { enum mo; } type string { length 3; } }',
  host: 'inet:ip-address',
  domain: 'inet:domain-name',
};

const MODEL = moduleText(`list row { key id; crp:entity "row"; leaf id { type int32; }
  ${Object.entries(LEAFS)
    .map(([name, type]) => `leaf v-${name} { type ${type}${type.endsWith('}') ? '' : ';'} }`)
    .join('\n')} }`);

/** The canonical form of the text as a value of the leaf; undefined when it is none. */
function canonical(context: CompileAllResult['context'], leaf: string, text: string) {
  const data = { 'test-model:row': [{ id: 1, [leaf]: text }] };
  const instance = validateInstance({ name: 'data', text: JSON.stringify(data) }, { context });
  if (instance.diagnostics.length > 0) return undefined;
  const [row] = instance.toJson()['test-model:row'] as Record<string, string>[];
  return row![leaf];
}

async function takes(client: pg.Client, column: string, text: string): Promise<boolean> {
  try {
    await client.query(`UPDATE test."row" SET "${column}" = $1`, [text]);
    return true;
  } catch (error) {
    // Anything else than a broken check is a mistake of ours.
    assert.equal((error as pg.DatabaseError).code, '23514', String(error));
    return false;
  }
}

test('a column takes exactly the canonical values of its YANG type', async () => {
  const { models, diagnostics, context } = compileTexts(MODEL);
  assert.deepEqual(diagnostics, []);
  const server = await startServer(18);
  try {
    await withConnection(await server.createDatabase('values'), 'test', async (client) => {
      await installModel(client, { name: 'a', number: 1 }, models[0]!);
      await client.query('INSERT INTO test."row" (id) VALUES (1)');
      const leafs = fc.constantFrom(...Object.keys(LEAFS));
      await fc.assert(
        fc.asyncProperty(leafs, TEXTS, async (leaf, text) => {
          const value = canonical(context, `v-${leaf}`, text);
          // Another spelling of a value is refused: equal values have to be equal texts.
          const expected = value === text;
          assert.equal(
            await takes(client, `v_${leaf}`, text),
            expected,
            `${leaf} ${JSON.stringify(text)}`,
          );
          if (value !== undefined) assert.ok(await takes(client, `v_${leaf}`, value));
        }),
        { seed: SEED, numRuns: 3000 },
      );
    });
  } finally {
    await server.remove();
  }
});
