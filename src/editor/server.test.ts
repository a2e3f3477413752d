import assert from 'node:assert/strict';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, test } from 'node:test';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import type {
  CodeAction,
  CompletionItem,
  Hover,
  ProtocolConnection,
  PublishDiagnosticsParams,
} from 'vscode-languageserver/node';
import { program } from '../../test/support/program.ts';
import { moduleText } from '../../test/support/model-text.ts';
import { MAX_TEXT } from './workspace.ts';
import { ROOT } from '../../test/support/root.ts';

/** Milliseconds for one answer: starting the command on a busy machine takes the longest. */
const LIMIT = 60_000;

const folder = mkdtempSync(join(tmpdir(), 'crp-editor-'));
const URI = pathToFileURL(join(folder, 'test-model.yang')).href;

const text = (group: string, more = ''): string =>
  moduleText(`  list a {
    key "id";
    crp:entity "a" {
      crp:column-group "state";
    }
    leaf id { type int32; }
    leaf up { type boolean; crp:in-group "${group}"; }
    ${more}
  }`);

let server: ChildProcessWithoutNullStreams;
let client: ProtocolConnection;
const shown: PublishDiagnosticsParams[] = [];
const errors: string[] = [];
let wake: () => void = () => {};

before(async () => {
  writeFileSync(join(folder, 'test-model.yang'), 'module of-the-disk {');
  const args = [...program('src/cli/main.ts'), 'model', 'lsp', '--stdio'];
  server = spawn(process.execPath, args, { cwd: ROOT });
  server.stderr.on('data', (data: Buffer) => errors.push(data.toString()));
  const streams = [
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  ] as const;
  client = createProtocolConnection(...streams);
  client.onError(([error]) => errors.push(error.message));
  client.onNotification('window/logMessage', ({ message }: { message: string }) => {
    errors.push(message);
  });
  client.onNotification('textDocument/publishDiagnostics', (one: PublishDiagnosticsParams) => {
    shown.push(one);
    wake();
  });
  client.listen();
  await ask('initialize', {
    processId: process.pid,
    rootUri: null,
    workspaceFolders: [{ uri: pathToFileURL(folder).href, name: 'test' }],
    capabilities: {
      textDocument: {
        publishDiagnostics: { relatedInformation: true, codeDescriptionSupport: true },
        completion: { completionItem: { snippetSupport: true } },
      },
    },
  });
  await client.sendNotification('initialized', {});
});

after(() => {
  client.dispose();
  server.kill();
  rmSync(folder, { recursive: true });
});

function limited<T>(what: string, work: Promise<T>): Promise<T> {
  const late = AbortSignal.timeout(LIMIT);
  const limit = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`no ${what}: ${errors.join('')}`)));
  });
  return Promise.race([work, limit]);
}

function ask<T>(method: string, parameters?: unknown): Promise<T> {
  return limited(method, client.sendRequest<T>(method, parameters));
}

/** The diagnostics of a version of a document, or of a document that is closed. */
async function diagnosticsOf(uri: string, version?: number): Promise<PublishDiagnosticsParams> {
  for (;;) {
    const found = shown.findLast((one) => one.uri === uri && one.version === version);
    if (found !== undefined) return found;
    await limited(
      `diagnostics of version ${version}`,
      new Promise<void>((resolve) => (wake = resolve)),
    );
  }
}

function open(uri: string, content: string): Promise<void> {
  const textDocument = { uri, languageId: 'yang', version: 1, text: content };
  return client.sendNotification('textDocument/didOpen', { textDocument });
}

function change(uri: string, version: number, content: string): Promise<void> {
  const textDocument = { uri, version };
  const contentChanges = [{ text: content }];
  return client.sendNotification('textDocument/didChange', { textDocument, contentChanges });
}

/** The place of the first occurrence of a word, `after` characters behind its beginning. */
function placeOf(content: string, word: string, characters = 0) {
  const offset = content.indexOf(word) + characters;
  const lines = content.slice(0, offset).split('\n');
  return { line: lines.length - 1, character: lines.at(-1)!.length };
}

test('a document is checked as it is typed, and cleared when it is closed', async () => {
  await open(URI, text('state'));
  assert.deepEqual((await diagnosticsOf(URI, 1)).diagnostics, []);

  const wrong = text('stat');
  await change(URI, 2, wrong);
  const { diagnostics } = await diagnosticsOf(URI, 2);
  const [unknown] = diagnostics.filter(({ code }) => code === 'CRP108');
  assert.equal(unknown!.severity, 1);
  assert.deepEqual(unknown!.range.start, placeOf(wrong, 'stat";'));
  assert.match(JSON.stringify(unknown!.message), /no column group \\"stat\\"/);
  assert.match(
    unknown!.codeDescription!.href,
    /model-diagnostics\.md#statements-of-common-replication$/,
  );
  assert.equal(diagnostics.find(({ code }) => code === 'CRP216')?.severity, 2);

  const [fix] = await ask<CodeAction[]>('textDocument/codeAction', {
    textDocument: { uri: URI },
    range: unknown!.range,
    context: { diagnostics },
  });
  assert.equal(fix!.title, 'Change to "state"');
  const [edit] = fix!.edit!.changes![URI]!;
  assert.equal(edit!.newText, 'state');
  assert.deepEqual(edit!.range, {
    start: placeOf(wrong, 'stat";'),
    end: placeOf(wrong, 'stat";', 4),
  });

  await change(URI, 3, text('state'));
  assert.deepEqual((await diagnosticsOf(URI, 3)).diagnostics, []);
  await change(URI, 4, wrong);
  await diagnosticsOf(URI, 4);
  await client.sendNotification('textDocument/didClose', { textDocument: { uri: URI } });
  assert.deepEqual((await diagnosticsOf(URI)).diagnostics, []);
});

test('hover says what the module says, and the class of a method', async () => {
  const content = text('state', 'leaf n { type int64; default "0"; crp:resolve "crp:additive"; }');
  await open(URI, content);
  const hover = async (word: string): Promise<string> => {
    const position = placeOf(content, word, 6);
    const found = await ask<Hover>('textDocument/hover', { textDocument: { uri: URI }, position });
    return (found.contents as { value: string }).value;
  };
  assert.match(await hover('crp:in-group'), /^\*\*crp:in-group "name"\*\*\n\nPlace: leaf/);
  assert.match(await hover('"crp:additive'), /Class: commutative/);
  await client.sendNotification('textDocument/didClose', { textDocument: { uri: URI } });
});

test('completion works in a text that is not whole', async () => {
  const content = text('state', 'leaf n { type int64; crp:in-group "');
  await open(URI, content);
  const complete = async (word: string, characters: number): Promise<string[]> => {
    const position = placeOf(content, word, characters);
    const parameters = { textDocument: { uri: URI }, position };
    const items = await ask<CompletionItem[]>('textDocument/completion', parameters);
    return items.map(({ label }) => label);
  };
  assert.deepEqual(await complete('int64; crp:in-group "', 21), ['state', 'row']);
  assert.ok((await complete('int64; crp:in-group "', 11)).includes('crp:resolve'));
});

test('a document that is too large is not checked, and says so until it is closed', async () => {
  const uri = 'untitled:large';
  await open(uri, `module large { description "${'x'.repeat(MAX_TEXT)}"; }`);
  const [note] = (await diagnosticsOf(uri, 1)).diagnostics.slice(-1);
  assert.equal(note?.severity, 3);
  await client.sendNotification('textDocument/didClose', { textDocument: { uri } });
  assert.deepEqual((await diagnosticsOf(uri)).diagnostics, []);
});

test('the server ends when it is told to, and has said nothing but the protocol', async () => {
  assert.equal(await ask('shutdown'), null);
  const exit = once(server, 'exit');
  await client.sendNotification('exit');
  assert.deepEqual(await limited('exit', exit), [0, null]);
  assert.deepEqual(errors, []);
});
