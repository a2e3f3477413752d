/**
 * The meaning of a quoted string (RFC 7950 §6.1.3). The order matters: blanks before line breaks and the
 * indentation are taken from the raw text, escapes are replaced after that.
 */

/** A decoded string, and where its pieces come from in the file. */
export interface DecodedString {
  text: string;
  parts: DecodedPart[];
  /** Offsets in the file of escapes that RFC 7950 does not know. */
  badEscapes: number[];
}

export interface DecodedPart {
  /** In the decoded text. */
  offset: number;
  /** In the file. */
  source: number;
}

/** Columns that a tab counts for, before the opening quote and in stripped indentation alike. */
const TAB_COLUMNS = 8;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

/** A single-quoted string: verbatim, except that every line break becomes a line feed. */
export function decodeSingleQuoted(raw: string, start: number): DecodedString {
  const parts: DecodedPart[] = [{ offset: 0, source: start }];
  if (!raw.includes('\n')) return { text: raw, parts, badEscapes: [] };
  let text = '';
  let at = start;
  const lines = raw.split('\n');
  for (const [index, line] of lines.entries()) {
    if (index > 0) {
      text += '\n';
      parts.push({ offset: text.length, source: at });
    }
    text += index < lines.length - 1 && line.endsWith('\r') ? line.slice(0, -1) : line;
    at += line.length + 1;
  }
  return { text, parts, badEscapes: [] };
}

/**
 * A double-quoted string.
 *
 * @param raw what is between the quotes
 * @param start offset of `raw` in the file
 * @param before the text of the quote's line up to the quote
 */
export function decodeDoubleQuoted(raw: string, start: number, before: string): DecodedString {
  const result: DecodedString = { text: '', parts: [], badEscapes: [] };
  const lines = raw.split('\n');
  const indent = columnsOf(before) + 1;
  let at = start;
  for (const [index, line] of lines.entries()) {
    const last = index === lines.length - 1;
    const kept = last ? line : line.replace(/[ \t\r]+$/, '');
    const stripped = index === 0 ? { skip: 0, blanks: 0 } : stripIndent(kept, indent);
    result.text += ' '.repeat(stripped.blanks);
    appendLine(result, kept.slice(stripped.skip), at + stripped.skip);
    if (!last) result.text += '\n';
    at += line.length + 1;
  }
  return result;
}

function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += character === '\t' ? TAB_COLUMNS : 1;
  return columns;
}

/** How many characters to drop, and the blanks left over of a tab that reaches beyond the indentation. */
function stripIndent(line: string, indent: number): { skip: number; blanks: number } {
  let columns = 0;
  let skip = 0;
  while (skip < line.length && columns < indent) {
    if (line[skip] === ' ') columns += 1;
    else if (line[skip] === '\t') columns += TAB_COLUMNS;
    else break;
    skip += 1;
  }
  return { skip, blanks: Math.max(0, columns - indent) };
}

function appendLine(result: DecodedString, line: string, source: number): void {
  result.parts.push({ offset: result.text.length, source });
  let from = 0;
  for (let slash = line.indexOf('\\'); slash >= 0; slash = line.indexOf('\\', from)) {
    result.text += line.slice(from, slash);
    const meaning = ESCAPES[line[slash + 1] ?? ''];
    if (meaning === undefined) {
      result.badEscapes.push(source + slash);
      result.text += '\\';
      from = slash + 1;
    } else {
      result.text += meaning;
      from = slash + 2;
      result.parts.push({ offset: result.text.length, source: source + from });
    }
  }
  result.text += line.slice(from);
}
