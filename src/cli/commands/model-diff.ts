import { Command } from 'commander';
import { compareRevisions } from '../../model/evolution/evolution.ts';
import type { Difference, Revision } from '../../model/evolution/evolution.ts';
import { modelRights } from '../../site/database/provision.ts';
import { upgradeDdl } from '../../sql/ddl/upgrade-ddl.ts';
import { formatPosition } from '../../yang/source.ts';
import { MAX_SITE_NUMBER } from '../../site/config/config.ts';
import { jsonOption, wholeNumber } from '../options.ts';
import { compileOrExplain } from './model-compile.ts';

interface Options {
  json: boolean;
  site: number;
  siteName: string;
}

/** `syncline model diff`: what a new revision changes, whether it may, and the SQL that does it. */
export function diffCommand(): Command {
  return new Command('diff')
    .description('compare two revisions of a model (RFC 7950 §11) and print the SQL between them')
    .argument('<old>', 'YANG file of the revision that is installed')
    .argument('<new>', 'YANG file of the new revision')
    .addOption(jsonOption())
    .option('--site <number>', "the site's number", wholeNumber(1, MAX_SITE_NUMBER), 1)
    .option('--site-name <name>', "the site's name, after which its roles are called", 'SITE')
    .action((before: string, after: string, options: Options) => {
      const one = revision(before);
      const other = revision(after);
      if (one === undefined || other === undefined) return;
      if (one.model.name !== other.model.name) {
        throw new Error(`"${one.model.name}" and "${other.model.name}" are different models`);
      }
      report(one, other, options);
    });
}

function revision(name: string): Revision | undefined {
  const { models, context } = compileOrExplain([name]);
  return models[0] === undefined ? undefined : { model: models[0], context };
}

function report(before: Revision, after: Revision, options: Options): void {
  const differences = compareRevisions(before, after);
  const allowed = differences.every((difference) => difference.allowed);
  const sql =
    differences.length === 0
      ? []
      : [
          ...upgradeDdl(before.model, after.model, options.site),
          ...modelRights(after.model, options.siteName),
        ];
  if (!allowed) process.exitCode = 1;
  if (options.json) {
    console.log(JSON.stringify({ allowed, differences, sql: allowed ? sql : [] }));
    return;
  }
  const { name, revision: from } = before.model;
  console.log(`${name} ${from} → ${after.model.revision}`);
  if (differences.length === 0) console.log('  no difference');
  for (const difference of differences) console.log(differenceText(difference));
  if (!allowed) {
    console.error(
      '\nNot allowed changes cannot be installed while rows and journals of the old revision exist.',
    );
  } else if (sql.length > 0) {
    console.log(`\n-- ${rolloutText(differences)}\nBEGIN;\n`);
    console.log(`${sql.map((statement) => `${statement};\n`).join('\n')}\nCOMMIT;`);
  }
}

function rolloutText(differences: readonly Difference[]): string {
  if (differences.every(({ rollout }) => rollout === 'rolling')) {
    return 'May roll site by site. syncline adopt NEW --dir FOLDER does this at a site, with what else belongs to it:';
  }
  return 'At all sites while nobody writes, in one transaction at each:';
}

function differenceText(difference: Difference): string {
  const { path, what, allowed, rollout, position, hint } = difference;
  const verdict = allowed ? rollout : 'NOT ALLOWED';
  const line = `  ${verdict.padEnd(11)}  ${path}: ${what}  (${formatPosition(position)})`;
  return hint === undefined ? line : `${line}\n               ${hint}`;
}
