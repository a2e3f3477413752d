/** Diagnostics of text, statements and arguments: what can be said without looking at other statements. */
import { error, warning } from './diagnostic-kind.ts';

export const LANGUAGE_CODES = {
  'file-not-readable': error(
    (p: { file: string; reason: string }) => `cannot read "${p.file}": ${p.reason}`,
  ),
  'bad-character': error(
    (p: { character: string }) => `character ${p.character} is not allowed here`,
  ),
  'unterminated-string': error(
    (p: { quote: string }) => `string is not closed: ${p.quote} is missing`,
  ),
  'unterminated-comment': error(() => 'comment is not closed: */ is missing'),
  'bad-escape': error((p: { escape: string }) => `unknown escape sequence "${p.escape}"`),
  'odd-escape': warning((p: { escape: string }) => `escape sequence "${p.escape}" has no meaning`),
  'tab-before-string': warning(
    () =>
      'a tab stands before a string of several lines: tools differ in how far its lines are indented',
  ),
  'missing-separator': error((p: { after: string }) => `a blank is missing after "${p.after}"`),
  'unexpected-token': error(
    (p: { found: string; expected: string }) => `${p.found} where ${p.expected} is expected`,
  ),
  'unclosed-block': error(
    (p: { keyword: string }) => `the block of "${p.keyword}" is not closed: } is missing`,
  ),
  'text-after-module': error(() => 'nothing may follow the module'),
  'too-deep': error((p: { limit: number }) => `statements are nested more than ${p.limit} deep`),
  'too-many-errors': error(
    (p: { limit: number }) => `more than ${p.limit} errors: the rest is not shown`,
  ),
  'unknown-statement': error(
    (p: { keyword: string }) => `there is no statement "${p.keyword}" in YANG`,
  ),
  'misplaced-statement': error(
    (p: { keyword: string; parent: string }) => `"${p.keyword}" is not allowed in "${p.parent}"`,
  ),
  'newer-statement': error((p: { what: string }) => `${p.what} needs "yang-version 1.1"`),
  'missing-statement': error(
    (p: { keyword: string; parent: string }) => `"${p.parent}" has no "${p.keyword}"`,
  ),
  'repeated-statement': error(
    (p: { keyword: string; parent: string }) =>
      `"${p.keyword}" occurs more than once in "${p.parent}"`,
  ),
  'statement-order': error(
    (p: { keyword: string; after: string }) => `"${p.keyword}" must come before "${p.after}"`,
  ),
  'missing-argument': error((p: { keyword: string }) => `"${p.keyword}" needs an argument`),
  'unexpected-argument': error((p: { keyword: string }) => `"${p.keyword}" takes no argument`),
  'bad-argument': error(
    (p: { keyword: string; argument: string }) =>
      `"${p.argument}" is not a valid argument of "${p.keyword}"`,
  ),
  'bad-xpath': error((p: { problem: string }) => `XPath: ${p.problem}`),
  'bad-pattern': error((p: { problem: string }) => `pattern: ${p.problem}`),
  'bad-version': error((p: { version: string }) => `yang-version "${p.version}" is not known`),
  'not-a-module': error(
    (p: { keyword: string }) =>
      `a file begins with "module" or "submodule", not with "${p.keyword}"`,
  ),
  'revision-order': warning(
    (p: { revision: string }) => `revision ${p.revision} stands after an older one`,
  ),
};
