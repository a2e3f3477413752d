import { AppError } from '../../base/errors.ts';

/** A place in a master file; line and column count from 1, columns in octets. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

/** Something wrong with a piece of text whose place only the caller knows; `placed` adds it. */
export class TextProblem extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'TextProblem';
    this.hint = hint;
  }
}

/** The error for the user: `file:line:column: what is wrong`, with what to do as its hint. */
export function placed(place: Place, problem: TextProblem): AppError {
  return new AppError('ZONE_SYNTAX', `${describePlace(place)}: ${problem.message}`, {
    hint: problem.hint,
    cause: problem,
  });
}

/** `file:line:column`, which editors and terminals know how to open. */
export function describePlace({ file, line, column }: Place): string {
  return `${file}:${line}:${column}`;
}

/** Longest piece of somebody's text that a message repeats. */
const MAX_QUOTED = 60;

/**
 * Text of a master file inside a message: in quotes, cut when long, control characters made visible.
 * The reader works on octets (one character each), so UTF-8 is put together again here.
 */
export function quote(text: string): string {
  const cut = text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
  const whole = cut.endsWith('…')
    ? `${Buffer.from(cut.slice(0, -1), 'latin1').toString('utf8')}…`
    : Buffer.from(cut, 'latin1').toString('utf8');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return `"${whole.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}"`;
}

/** The same for text that is not from a file of octets, such as an option. */
export function quoteText(text: string): string {
  return quote(Buffer.from(text, 'utf8').toString('latin1'));
}
