/** Quick fixes (LSP 3.17, `textDocument/codeAction`): the word that a diagnostic proposes. */
import type { Diagnostic } from '../yang/diagnostics.ts';
import type { Span } from '../yang/source.ts';
import { editDistance, suggestedWord } from '../yang/suggest.ts';
import { offsetOf, placeAt, textOf } from './lines.ts';

export interface QuickFix {
  title: string;
  /** What is replaced, and by what. */
  span: Span;
  text: string;
}

/** Letters that may be wrong in a word that is meant to be another one. */
const MAX_DISTANCE = 4;

/** The fix of a diagnostic; undefined when it proposes no word, or the misspelt one is not in its place. */
export function quickFix(text: string, { span, hint }: Diagnostic): QuickFix | undefined {
  const word = hint === undefined ? undefined : suggestedWord(hint);
  if (word === undefined) return undefined;
  const written = misspelt(textOf(text, span), word);
  if (written === undefined) return undefined;
  const from = offsetOf(text, span.start) + written.at;
  const { file } = span.start;
  return {
    title: `Change to "${word}"`,
    span: {
      start: { file, ...placeAt(text, from) },
      end: { file, ...placeAt(text, from + written.word.length) },
    },
    text: word,
  };
}

/** The word in a diagnostic's place that is most like the proposed one: places may be whole arguments. */
function misspelt(place: string, proposed: string): { word: string; at: number } | undefined {
  const words = proposed.includes(':') ? /[\w.:-]+/g : /[\w.-]+/g;
  // Names of enums may have blanks; then only the whole place can be meant.
  const found = /[^\w.:-]/.test(proposed) ? /[^"';{}]+/g : words;
  let best: { word: string; at: number } | undefined;
  let bestDistance = Infinity;
  for (const { 0: word, index: at } of place.slice(0, 500).matchAll(found)) {
    const distance = wordDistance(word, proposed);
    if (distance < bestDistance) [best, bestDistance] = [{ word, at }, distance];
  }
  return bestDistance <= MAX_DISTANCE ? best : undefined;
}

/** A forgotten prefix counts as one letter, however long it is. */
function wordDistance(word: string, proposed: string): number {
  if (proposed.endsWith(`:${word}`)) return 1;
  return editDistance(word.toLowerCase(), proposed.toLowerCase());
}
