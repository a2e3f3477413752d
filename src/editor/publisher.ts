/** What is shown in open documents, and the quick fixes for it. */
import type {
  CodeAction,
  Diagnostic as LspDiagnostic,
  PublishDiagnosticsParams,
  Range,
} from 'vscode-languageserver/node';
import type { Diagnostic } from '../yang/diagnostics.ts';
import type { Client } from './client.ts';
import { toLspDiagnostic } from './convert.ts';
import { toRange } from './lines.ts';
import { quickFix } from './quick-fix.ts';
import { uriOf } from './uris.ts';

export interface PublisherOptions {
  send: (parameters: PublishDiagnosticsParams) => void;
  /** The version of an open document. */
  versionOf: (uri: string) => number | undefined;
  client: () => Pick<Client, 'links' | 'related'>;
  /** URI of the page of diagnostics. */
  page: string;
}

interface Shown {
  version: number | undefined;
  diagnostics: Diagnostic[];
}

export class Publisher {
  readonly #options: PublisherOptions;
  /** The client's own URIs of open files: it need not write them as we would. */
  readonly #uris = new Map<string, string>();
  readonly #shown = new Map<string, Shown>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** The file is open under this URI. */
  open(file: string, uri: string): void {
    this.#uris.set(file, uri);
  }

  /** Shows diagnostics in place of those before, for the version that the document has now. */
  publish(file: string, diagnostics: Diagnostic[]): void {
    const uri = this.#uris.get(file);
    if (uri === undefined) return;
    const version = this.#options.versionOf(uri);
    this.#shown.set(file, { version, diagnostics });
    this.#send(
      uri,
      diagnostics.map((one) => this.#convert(one)),
    );
  }

  /** Takes away what is shown in a document that is not checked any more; a note may say why. */
  clear(file: string, uri: string, note: LspDiagnostic[] = []): void {
    this.#shown.delete(file);
    this.#uris.delete(file);
    this.#send(uri, note);
  }

  /** Fixes for what is shown in the lines of a range; none while the document has changed since. */
  fixes(file: string, text: string, lines: Range): CodeAction[] {
    const shown = this.#shown.get(file);
    const uri = this.#uris.get(file);
    if (shown === undefined || uri === undefined) return [];
    if (shown.version !== this.#options.versionOf(uri)) return [];
    return shown.diagnostics.flatMap((diagnostic) => {
      const { start, end } = toRange(diagnostic.span);
      const isThere = end.line >= lines.start.line && start.line <= lines.end.line;
      const fix = isThere ? quickFix(text, diagnostic) : undefined;
      if (fix === undefined) return [];
      const edit = { range: toRange(fix.span), newText: fix.text };
      return {
        title: fix.title,
        kind: 'quickfix',
        isPreferred: true,
        diagnostics: [this.#convert(diagnostic)],
        edit: { changes: { [uri]: [edit] } },
      };
    });
  }

  #convert(diagnostic: Diagnostic): LspDiagnostic {
    const { links, related } = this.#options.client();
    return toLspDiagnostic(diagnostic, {
      ...{ page: this.#options.page, links, related },
      uriOf: (file) => this.#uris.get(file) ?? uriOf(file),
    });
  }

  #send(uri: string, diagnostics: LspDiagnostic[]): void {
    const version = this.#options.versionOf(uri);
    this.#options.send({ uri, diagnostics, ...(version === undefined ? {} : { version }) });
  }
}
