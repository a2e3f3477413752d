/**
 * The language server: ties the protocol (LSP 3.17) to checks, hover, completion and quick fixes. It works
 * beside a general YANG server and answers only for `common-replication`.
 */
import {
  createConnection,
  DidChangeWatchedFilesNotification,
  ProposedFeatures,
  TextDocuments,
  TextDocumentSyncKind,
} from 'vscode-languageserver/node';
import type {
  Connection,
  Diagnostic as LspDiagnostic,
  InitializeParams,
  InitializeResult,
} from 'vscode-languageserver/node';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { asError } from '../base/errors.ts';
import type { Checked } from './check.ts';
import { checkFile } from './check.ts';
import { Checker } from './checker.ts';
import { readClient } from './client.ts';
import type { Client } from './client.ts';
import { completeAt } from './completion.ts';
import { tooLarge } from './convert.ts';
import { hoverAt } from './hover.ts';
import { toPlace } from './lines.ts';
import { Publisher } from './publisher.ts';
import { CrpReference } from './reference.ts';
import { fileOf } from './uris.ts';
import { MAX_TEXT, Workspace } from './workspace.ts';

/** Milliseconds: less than a pause to think, more than one between two keys. */
const QUIET = 250;
const AT_MOST = 1500;

export interface ServerOptions {
  version: string;
  /** Folders with the modules that come with the package. */
  packageFolders: readonly string[];
  /** URI of the page of diagnostics. */
  page: string;
}

/** Serves one client on the standard streams until it says `exit` or goes away. */
export function serveEditor(options: ServerOptions): void {
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  new EditorServer(connection, options).listen();
}

class EditorServer {
  readonly #connection: Connection;
  readonly #options: ServerOptions;
  readonly #documents = new TextDocuments(TextDocument);
  readonly #workspace: Workspace;
  readonly #reference: CrpReference;
  readonly #checker: Checker;
  readonly #publisher: Publisher;
  #client: Client = readClient({ processId: null, rootUri: null, capabilities: {} });

  constructor(connection: Connection, options: ServerOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#workspace = new Workspace(options.packageFolders);
    this.#reference = new CrpReference(options.packageFolders);
    this.#publisher = new Publisher({
      send: (parameters) =>
        void connection
          .sendDiagnostics(parameters)
          .catch((error: unknown) => this.#log('publishDiagnostics', error)),
      versionOf: (uri) => this.#documents.get(uri)?.version,
      client: () => this.#client,
      page: options.page,
    });
    this.#checker = new Checker({
      rootOf: (file) => this.#guarded('rootOf', file, () => this.#workspace.rootOf(file)),
      check: (root) => this.#guarded('check', unchecked(root), () => this.#check(root)),
      publish: (file, diagnostics) => this.#publisher.publish(file, diagnostics),
      quiet: QUIET,
      atMost: AT_MOST,
    });
  }

  listen(): void {
    const connection = this.#connection;
    connection.onInitialize((params) => this.#initialize(params));
    connection.onInitialized(() => this.#watch());
    connection.onShutdown(() => this.#checker.stop());
    connection.onDidChangeWatchedFiles(() => this.#rescan());
    this.#answer();
    this.#documents.onDidChangeContent(({ document }) => this.#changed(document));
    this.#documents.onDidClose(({ document }) => this.#closed(document.uri));
    this.#documents.listen(connection);
    connection.listen();
  }

  #answer(): void {
    this.#connection.onHover(({ textDocument, position }) =>
      this.#guarded('hover', null, () => {
        const text = this.#textOf(textDocument.uri);
        return text === undefined
          ? null
          : (hoverAt(text, toPlace(position), this.#reference) ?? null);
      }),
    );
    this.#connection.onCompletion(({ textDocument, position }) =>
      this.#guarded('completion', [], () => {
        const [file, text] = [fileOf(textDocument.uri), this.#textOf(textDocument.uri)];
        const document = this.#documents.get(textDocument.uri);
        if (file === undefined || text === undefined || document === undefined) return [];
        const { snippets } = this.#client;
        const options = { workspace: this.#workspace, reference: this.#reference, snippets };
        return completeAt(file, text, document.offsetAt(position), options);
      }),
    );
    this.#connection.onCodeAction(({ textDocument, range }) =>
      this.#guarded('codeAction', [], () => {
        const [file, text] = [fileOf(textDocument.uri), this.#textOf(textDocument.uri)];
        if (file === undefined || text === undefined) return [];
        return this.#publisher.fixes(file, text, range);
      }),
    );
  }

  #initialize(params: InitializeParams): InitializeResult {
    this.#client = readClient(params);
    this.#workspace.scan(this.#client.folders.flatMap((uri) => fileOf(uri) ?? []));
    return {
      serverInfo: { name: 'syncline', version: this.#options.version },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        hoverProvider: true,
        completionProvider: { triggerCharacters: [':', '"', "'", '/', ' '] },
        codeActionProvider: { codeActionKinds: ['quickfix'] },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  }

  /** Asks to be told of files and folders that come and go, where the client can. */
  #watch(): void {
    if (this.#client.watches) {
      const options = { watchers: [{ globPattern: '**/*.yang' }] };
      this.#connection.client
        .register(DidChangeWatchedFilesNotification.type, options)
        .catch((error: unknown) => this.#log('register', error));
    }
    if (!this.#client.changesFolders) return;
    this.#connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
      const gone = new Set(removed.map((folder) => folder.uri));
      const kept = this.#client.folders.filter((uri) => !gone.has(uri));
      this.#client.folders = [...kept, ...added.map((folder) => folder.uri)];
      this.#rescan();
    });
  }

  #rescan(): void {
    this.#workspace.scan(this.#client.folders.flatMap((uri) => fileOf(uri) ?? []));
    this.#checker.changedOnDisk();
  }

  #changed(document: TextDocument): void {
    const file = fileOf(document.uri);
    if (file === undefined) return;
    const text = document.getText();
    if (text.length <= MAX_TEXT) {
      this.#publisher.open(file, document.uri);
      this.#workspace.set(file, text);
      this.#checker.changed(file);
      return;
    }
    this.#closed(document.uri, [tooLarge(MAX_TEXT)]);
  }

  #closed(uri: string, note: LspDiagnostic[] = []): void {
    const file = fileOf(uri);
    if (file === undefined) return;
    this.#workspace.texts.delete(file);
    this.#checker.closed(file);
    this.#publisher.clear(file, uri, note);
  }

  #check(root: string): Checked {
    return checkFile(root, this.#workspace, { yang: this.#client.yang });
  }

  #textOf(uri: string): string | undefined {
    const file = fileOf(uri);
    return file === undefined ? undefined : this.#workspace.texts.get(file);
  }

  /** Whatever goes wrong in one answer, the next one is given: the text may be anything. */
  #guarded<T>(what: string, otherwise: T, work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#log(what, error);
      return otherwise;
    }
  }

  #log(what: string, error: unknown): void {
    const { message, stack } = asError(error);
    this.#connection.console.error(`syncline: ${what}: ${stack ?? message}`);
  }
}

/** What is known of a module that could not be checked: it is checked again with the next change. */
function unchecked(root: string): Checked {
  return { diagnostics: new Map(), reads: new Set([root]), hasErrors: true };
}
