/** A request for completion: what is known of its place, and the edits that answer it. */
import type { TextEdit } from 'vscode-languageserver/node';
import type { Statement } from '../yang/statement.ts';
import type { Cursor } from './cursor.ts';
import { placeAt, toPosition } from './lines.ts';
import type { CrpReference } from './reference.ts';
import type { Workspace } from './workspace.ts';

export interface CompletionOptions {
  workspace: Workspace;
  reference: CrpReference;
  /** The client replaces `${1}` in a text by a stop of its cursor. */
  snippets: boolean;
}

/** What completion knows of the place. */
export interface Request extends CompletionOptions {
  file: string;
  text: string;
  cursor: Cursor;
  /** The text without what is typed, and its statements. */
  whole: string;
  root: Statement;
  /** The statements around the cursor, outermost first. */
  chain: Statement[];
  /** The prefixes of `common-replication`. */
  prefixes: string[];
}

/** The edit that puts a text in the place of what is typed, from character `skip` of it on. */
export function replaceTyped({ text, cursor }: Request, newText: string, skip = 0): TextEdit {
  const start = cursor.start + skip;
  const typedEnd = cursor.start + cursor.typed.length;
  // A word that the cursor stands in is replaced whole.
  const end = typedEnd + /^[\w.:-]*/.exec(text.slice(typedEnd, typedEnd + 200))![0].length;
  const range = {
    start: toPosition(placeAt(text, start)),
    end: toPosition(placeAt(text, end)),
  };
  return { range, newText };
}
