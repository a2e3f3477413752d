import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { packageRoot } from '../package-root.ts';
import { modelSearchPath } from './model-files.ts';

/** `syncline model lsp`: the language server for editors. */
export function lspCommand(): Command {
  return (
    new Command('lsp')
      .description('serve an editor: diagnostics, hover, completion and quick fixes (LSP 3.17)')
      .option('--stdio', 'speak on standard input and output, the only way there is', true)
      // Editors say it on the command line as well as in the protocol, where it is read.
      .addOption(new Option('--clientProcessId <pid>').hideHelp())
      .action(async () => {
        // Only here, so that no other command waits for the protocol's library.
        const { serveEditor } = await import('../../editor/server.ts');
        const { version } = JSON.parse(readFileSync(packageRoot('package.json'), 'utf8')) as {
          version: string;
        };
        const page = pathToFileURL(packageRoot('docs', 'model-diagnostics.md')).href;
        serveEditor({ version, packageFolders: modelSearchPath([]), page });
      })
  );
}
