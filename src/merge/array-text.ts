import { assert } from '../base/assert.ts';

/** Elements that array_out would take for something else (PostgreSQL manual, 8.15.6). */
const QUOTED = /^$|^null$|["\\{},\s]/i;

/**
 * The elements of a one-dimensional array in PostgreSQL's text form; NULL elements are left out. The
 * delimiter is the comma, as of all types but `box`.
 */
export function parseArray(text: string): string[] {
  const start = text.indexOf('{');
  assert(start >= 0 && text.endsWith('}'), () => `"${text}" is no array`);
  const elements: string[] = [];
  const end = text.length - 1;
  let at = start + 1;
  while (at < end) {
    if (text[at] === '"') {
      let element = '';
      for (at++; text[at] !== '"'; at++) {
        if (text[at] === '\\') at++;
        element += text[at];
      }
      elements.push(element);
      at += 2;
    } else {
      const comma = text.indexOf(',', at);
      const stop = comma < 0 ? end : comma;
      const element = text.slice(at, stop);
      if (element.toUpperCase() !== 'NULL') elements.push(element);
      at = stop + 1;
    }
  }
  return elements;
}

/** The array in the text form that PostgreSQL itself gives it. */
export function formatArray(elements: readonly string[]): string {
  const texts = elements.map((element) =>
    QUOTED.test(element) ? `"${element.replaceAll(/["\\]/g, String.raw`\$&`)}"` : element,
  );
  return `{${texts.join(',')}}`;
}
