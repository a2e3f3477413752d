import { Command } from 'commander';
import { modelReference } from '../../model/reference-page.ts';
import { modelTypes } from '../../model/typescript.ts';
import { validateInstance } from '../../yang/instance/validate.ts';
import { readInput, writeOutput } from '../files.ts';
import { jsonOption } from '../options.ts';
import { compileOrExplain, FILES } from './model-compile.ts';
import { diagnosticsText } from './model-output.ts';

/** `syncline model types`: TypeScript interfaces of the rows. */
export function typesCommand(): Command {
  return new Command('types')
    .description('print TypeScript types of the rows')
    .argument('<file...>', FILES)
    .option('-o, --output <file>', 'write to a file instead')
    .action((names: string[], options: { output?: string }) => {
      print(compileOrExplain(names).models.map(modelTypes), options.output);
    });
}

/** `syncline model docs`: the reference of a model. */
export function docsCommand(): Command {
  return new Command('docs')
    .description('print the reference of a model in Markdown')
    .argument('<file...>', FILES)
    .option('-o, --output <file>', 'write to a file instead')
    .action((names: string[], options: { output?: string }) => {
      print(compileOrExplain(names).models.map(modelReference), options.output);
    });
}

function print(texts: readonly string[], output: string | undefined): void {
  if (texts.length > 0) writeOutput(texts.join('\n'), output);
}

/** `syncline model validate`: instance data in JSON (RFC 7951) against a model. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('check data in JSON (RFC 7951) against a model, and print them in canonical form')
    .argument('<data>', 'JSON file')
    .argument('<file...>', FILES)
    .addOption(jsonOption())
    .option('--quiet', 'do not print the data', false)
    .action((data: string, names: string[], options: { json: boolean; quiet: boolean }) => {
      const { models, context } = compileOrExplain(names);
      if (models.length === 0) return;
      const source = { name: data, text: readInput(data) };
      const instance = validateInstance(source, { context });
      const { diagnostics } = instance;
      const valid = !diagnostics.some((diagnostic) => diagnostic.severity === 'error');
      if (!valid) process.exitCode = 1;
      if (options.json) {
        console.log(JSON.stringify({ valid, diagnostics }));
        return;
      }
      if (diagnostics.length > 0) console.error(diagnosticsText(diagnostics));
      if (valid && !options.quiet)
        console.log(JSON.stringify(instance.toJson({ order: 'sorted' }), null, 2));
    });
}
