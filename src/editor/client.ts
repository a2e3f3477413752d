/** What the client said of itself (LSP 3.17, `initialize`). */
import type { InitializeParams } from 'vscode-languageserver/node';

export interface Client {
  /** URIs of the workspace's folders. */
  folders: string[];
  snippets: boolean;
  links: boolean;
  related: boolean;
  watches: boolean;
  changesFolders: boolean;
  /** Its option `yang`: whether errors of YANG itself are reported; false beside another YANG server. */
  yang: boolean;
}

/** Reads capabilities and options; what is not said is not supported. */
export function readClient(params: InitializeParams): Client {
  const { textDocument, workspace } = params.capabilities;
  const { publishDiagnostics, completion } = textDocument ?? {};
  const { rootUri, workspaceFolders } = params;
  const root = rootUri === null ? [] : [rootUri];
  return {
    folders: workspaceFolders?.map((folder) => folder.uri) ?? root,
    snippets: completion?.completionItem?.snippetSupport === true,
    links: publishDiagnostics?.codeDescriptionSupport === true,
    related: publishDiagnostics?.relatedInformation === true,
    watches: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    changesFolders: workspace?.workspaceFolders === true,
    yang: wantsYang(params.initializationOptions),
  };
}

function wantsYang(options: unknown): boolean {
  return typeof options !== 'object' || options === null || !('yang' in options)
    ? true
    : options.yang !== false;
}
