import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { moduleText } from '../../test/support/model-text.ts';
import { CRP_STATEMENTS } from '../model/statements/crp-statements.ts';
import { METHODS } from '../model/statements/engine.ts';
import { hoverAt } from './hover.ts';
import { placeAt } from './lines.ts';
import { CrpReference } from './reference.ts';
import { ROOT } from '../../test/support/root.ts';

const reference = new CrpReference([join(ROOT, 'yang')]);

/** The text that is shown at `|`. */
function hover(marked: string): string | undefined {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  const found = hoverAt(text, placeAt(text, offset), reference);
  return found === undefined ? undefined : (found.contents as { value: string }).value;
}

test('every statement is explained by its own description', () => {
  for (const name of Object.keys(CRP_STATEMENTS)) {
    const text = hover(moduleText(`crp:|${name} "x";`));
    assert.match(text!, new RegExp(`^\\*\\*crp:${name}.*\\*\\*\n\nPlace: `), name);
  }
});

test('an argument is explained by the grammar that the description gives', () => {
  for (const [name, { argument }] of Object.entries(CRP_STATEMENTS)) {
    if (argument.kind === 'none') continue;
    const text = hover(moduleText(`crp:${name} "|x";`));
    assert.match(text!, /^Argument:/, name);
    const values = argument.kind === 'choice' ? argument.values : [];
    for (const value of values) assert.ok(text!.includes(`'${value}'`), `${name} ${value}`);
  }
});

test('a method is explained with its class, and whether this version has it', () => {
  for (const [name, { available, ordered }] of Object.entries(METHODS)) {
    const text = hover(moduleText(`crp:resolve "crp:|${name}";`))!;
    assert.match(text, new RegExp(`^\\*\\*crp:${name}\\*\\*\n\n`));
    assert.match(text, ordered ? /Class: ordered/ : /Class: commutative/);
    assert.equal(text.includes('Not available'), !available, name);
  }
});

test('nothing is said of plain YANG, of unknown names and between statements', () => {
  for (const text of [
    'le|af a { type int8; }',
    'crp:const|ructor;',
    'crp:site-local; | ',
    'yang:x|;',
  ]) {
    assert.equal(hover(moduleText(text)), undefined, text);
  }
});
