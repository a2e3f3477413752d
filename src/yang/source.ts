/** Source text and places in it. Lines and columns count from 1, columns in UTF-16 units, as editors do. */

/** The text of one module file, as read from disk or from memory. */
export interface SourceFile {
  /** Path shown in diagnostics. */
  name: string;
  text: string;
}

export interface Position {
  file: string;
  line: number;
  column: number;
}

/** From `start` up to and not including `end`; both are in the same file. */
export interface Span {
  start: Position;
  end: Position;
}

/** The usual notation of a place: `file:line:column`. */
export function formatPosition(position: Position): string {
  return `${position.file}:${position.line}:${position.column}`;
}

/** A span of `length` columns on the line of its start. */
export function spanOf(start: Position, length: number): Span {
  return { start, end: { ...start, column: start.column + length } };
}
