/** Files by path and documents by URI. */
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The URI of a file that the client has not named itself. Unsaved documents have their URI as name. */
export function uriOf(file: string): string {
  return file.startsWith('untitled:') ? file : pathToFileURL(file).href;
}

/** The path of a document; an unsaved one is named by its URI. Undefined for other kinds of documents. */
export function fileOf(uri: string): string | undefined {
  if (uri.startsWith('untitled:')) return uri;
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    // A file of another host, or a URI that is none: nothing that could be read here.
    return undefined;
  }
}
