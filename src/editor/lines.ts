/**
 * Places of the protocol and of the compiler: both count UTF-16 units (LSP 3.17, "Position": the default
 * encoding), the protocol from 0 and the compiler from 1.
 */
import type { Position as LspPosition, Range } from 'vscode-languageserver';
import type { Position, Span } from '../yang/source.ts';
import type { Place } from './statement-at.ts';

export function toPosition({ line, column }: Place): LspPosition {
  return { line: line - 1, character: column - 1 };
}

export function toPlace({ line, character }: LspPosition): Place {
  return { line: line + 1, column: character + 1 };
}

export function toRange({ start, end }: Span): Range {
  return { start: toPosition(start), end: toPosition(end) };
}

/**
 * A text whose lines are the same for both: a lone carriage return ends a line of the protocol ("Text
 * Documents"), but not one of YANG.
 */
export function withCommonLines(text: string): string {
  return text.replaceAll(/\r(?!\n)/g, '\n');
}

/** The place of an offset. */
export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** The text of a span; empty when the span is not in the text. */
export function textOf(text: string, { start, end }: Span): string {
  return text.slice(offsetOf(text, start), offsetOf(text, end));
}

/** The offset of a place; the end of the text for one behind it. */
export function offsetOf(
  text: string,
  { line, column }: Pick<Position, 'line' | 'column'>,
): number {
  let at = 0;
  for (let current = 1; current < line; current++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  return Math.min(at + column - 1, text.length);
}
