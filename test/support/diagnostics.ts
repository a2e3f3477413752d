import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODEL_CODES } from '../../src/model/diagnostics/diagnostic-codes.ts';
import type { ModelCode } from '../../src/model/diagnostics/diagnostic-codes.ts';
import { compileTexts, moduleText } from './model-text.ts';

/** One diagnostic of the model compiler. */
export interface Case {
  code: ModelCode;
  /** Module text with `«` where the diagnostic has to be. */
  text: string;
  /** Parts of message, expectation and hint. */
  says: string[];
}

/** An entity with this content, its `crp:entity` holding `rules`. */
export const entity = (content: string, rules = ''): string =>
  moduleText(`list thing { key id; crp:entity "thing" { ${rules} }
    leaf id { type int32; }
    ${content}
  }`);

/** One test a case: the diagnostic is at its place, once, and says what it has to. */
export function testDiagnostics(cases: readonly Case[]): void {
  for (const { code, text, says } of cases) {
    const kind = MODEL_CODES[code];
    test(`${kind.code} ${code}: ${says[0]}`, () => {
      const { line, column, plain } = unmark(text);
      const { diagnostics, models } = compileTexts(plain);
      const found = diagnostics.filter((diagnostic) => diagnostic.code === kind.code);
      const places = found.map(({ span }) => `${span.start.line}:${span.start.column}`);
      assert.deepEqual(places, [`${line}:${column}`], JSON.stringify(diagnostics, null, 1));
      const shown = JSON.stringify(found[0]).replaceAll('\\"', '"');
      for (const part of says) assert.ok(shown.includes(part), `${shown} lacks ${part}`);
      assert.equal(found[0]!.severity, kind.severity);
      if (kind.severity === 'error') assert.deepEqual(models, []);
    });
  }
}

/** Takes the mark out of a text and says where it was. */
function unmark(text: string): { plain: string; line: number; column: number } {
  const offset = text.indexOf('«');
  const before = text.slice(0, offset).split('\n');
  return {
    plain: text.replace('«', ''),
    line: before.length,
    column: before.at(-1)!.length + 1,
  };
}
