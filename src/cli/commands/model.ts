import { Command } from 'commander';
import { modelHash } from '../../model/compile.ts';
import type { Model } from '../../model/ir/ir.ts';
import { costText, groupClass, methodText, ruleTexts } from '../../model/evolution/merge-text.ts';
import { modelTree } from '../../model/evolution/tree.ts';
import { modelDdl } from '../../sql/ddl/entity-ddl.ts';
import { MAX_SITE_NUMBER } from '../../site/config/config.ts';
import { jsonOption, wholeNumber } from '../options.ts';
import { compileFiles, compileOrExplain, FILES } from './model-compile.ts';
import { diffCommand } from './model-diff.ts';
import { importCommand } from './model-import.ts';
import { lspCommand } from './model-lsp.ts';
import { docsCommand, typesCommand, validateCommand } from './model-views.ts';

/** `syncline model`: work on data models, without a site. */
export function modelCommand(): Command {
  return new Command('model')
    .description('check data models and show what follows from them')
    .addCommand(checkCommand())
    .addCommand(sqlCommand())
    .addCommand(treeCommand())
    .addCommand(diffCommand())
    .addCommand(validateCommand())
    .addCommand(typesCommand())
    .addCommand(docsCommand())
    .addCommand(importCommand())
    .addCommand(lspCommand());
}

function checkCommand(): Command {
  return new Command('check')
    .description('check models: YANG, common-replication, and that merging keeps their rules')
    .argument('<file...>', FILES)
    .addOption(jsonOption())
    .action((names: string[], options: { json: boolean }) => {
      if (options.json) {
        const { models, diagnostics } = compileFiles(names);
        console.log(
          JSON.stringify({ ok: models.length > 0, models: models.map(summary), diagnostics }),
        );
        return;
      }
      for (const model of compileOrExplain(names).models) console.log(checkedText(model));
    });
}

function summary(model: Model): unknown {
  const { name, revision, service } = model;
  const entities = model.entities.map((entity) => ({
    name: entity.name,
    table: `${entity.table.schema}.${entity.table.name}`,
    key: entity.key,
    groups: entity.groups.map((group) => ({
      ...{ name: group.name, method: methodText(group), class: groupClass(group) },
    })),
    ...(entity.history === undefined ? {} : { history: `crp.${entity.history}` }),
    rules: ruleTexts(entity),
  }));
  return { name, revision, service, hash: modelHash(model), entities };
}

function checkedText(model: Model): string {
  const entities = model.entities.map((entity) => {
    const groups = entity.groups.map(
      (group) => `${group.name} (${methodText(group)}; ${groupClass(group)})`,
    );
    const line = `  ${entity.table.schema}.${entity.table.name}: ${groups.join(', ')}`;
    const more = [...ruleTexts(entity), ...[costText(entity)].flatMap((cost) => cost ?? [])];
    return [line, ...more.map((one) => `    ${one}`)].join('\n');
  });
  const title = `${model.name}@${model.revision} is correct, hash ${modelHash(model).slice(0, 16)}`;
  return [title, ...entities].join('\n');
}

function sqlCommand(): Command {
  return new Command('sql')
    .description('print the SQL that makes the tables, checks and triggers of a model')
    .argument('<file...>', FILES)
    .option(
      '--site <number>',
      "the site's number, which is part of its stamps",
      wholeNumber(1, MAX_SITE_NUMBER),
      1,
    )
    .action((names: string[], options: { site: number }) => {
      const statements = compileOrExplain(names).models.flatMap((model) =>
        modelDdl(model, options.site),
      );
      if (statements.length > 0) console.log(statements.map((one) => `${one};\n`).join('\n'));
    });
}

function treeCommand(): Command {
  return new Command('tree')
    .description('print the tree of a model with its tables and merge rules')
    .argument('<file...>', FILES)
    .action((names: string[]) => {
      for (const model of compileOrExplain(names).models) console.log(modelTree(model));
    });
}
