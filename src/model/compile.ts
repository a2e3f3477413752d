/**
 * The model compiler: YANG modules with `common-replication` statements to the IR. Deterministic: the same
 * files give the same models on every machine. All problems are diagnostics; nothing is thrown for them.
 */
import type { Diagnostic } from '../yang/diagnostics.ts';
import { sortDiagnostics } from '../yang/diagnostics.ts';
import { loadModules } from '../yang/load.ts';
import type { SchemaContext } from '../yang/schema.ts';
import type { Module } from '../yang/schema-modules.ts';
import { keywordSpan } from '../yang/statement.ts';
import { checkAdditive } from './groups/additive.ts';
import { checkAvailability } from './statements/availability.ts';
import { addColumns } from './columns.ts';
import { checkCounters } from './groups/counters.ts';
import { checkCrpStatements, importsCrp } from './statements/crp-check.ts';
import { crpOne, CrpReader } from './statements/crp-reader.ts';
import { CRP_MODULE } from './statements/crp-statements.ts';
import { ModelReporter } from './diagnostics/diagnostic-codes.ts';
import type { EntityDraft } from './draft/draft.ts';
import { findEntities } from './draft/entities.ts';
import { checkAnnotations, checkFit } from './fit.ts';
import { finishModel } from './finish.ts';
import { addGroups } from './groups/groups.ts';
import type { Model } from './ir/ir.ts';
import { sqlName } from './ir/names.ts';
import { checkEntryCounts, checkModule, checkOrder } from './draft/profile.ts';
import { addReferences } from './checks/references.ts';
import { addChecks } from './checks/row-checks.ts';
import { checkSiteColumns } from './checks/site-columns.ts';
import { addUniques } from './checks/uniqueness.ts';

export { modelHash } from './ir/hash.ts';

export interface CompileOptions {
  /** Paths of the modules of the model: the one with `crp:service`, and those that augment it. */
  files: readonly string[];
  /** Folders with the modules that they import. */
  searchPath: readonly string[];
  /** Enabled features by module name; all features of modules that are not named. */
  features?: Readonly<Record<string, readonly string[]>>;
  /** Texts of files that count instead of what is on the disk, by path. */
  texts?: ReadonlyMap<string, string>;
}

export interface CompileResult {
  /** Undefined when a diagnostic is an error. */
  model?: Model;
  /** Sorted by place; warnings too. */
  diagnostics: Diagnostic[];
}

/** Compiles the modules of one model. */
export function compileModel(options: CompileOptions): CompileResult {
  const { models, diagnostics } = compileModels(options);
  return models[0] === undefined ? { diagnostics } : { model: models[0], diagnostics };
}

export interface CompileAllResult {
  /** One for each module with `crp:service`, in the order of the files; empty when there is an error. */
  models: Model[];
  diagnostics: Diagnostic[];
  /** What was read, for tools that show the schema itself. */
  context: SchemaContext;
}

/** Compiles all models among the modules. */
export function compileModels(options: CompileOptions): CompileAllResult {
  const { context, diagnostics } = loadModules(options);
  const reporter = new ModelReporter();
  checkCrpStatements(context, reporter);
  const broken = diagnostics.some((diagnostic) => diagnostic.severity === 'error');
  const models = broken ? [] : compileContext(context, reporter);
  return {
    models: broken || reporter.hasErrors ? [] : models,
    diagnostics: sortDiagnostics([...diagnostics, ...reporter.diagnostics]),
    context,
  };
}

/** The modules of the context as models; only a schema without errors is looked at. */
function compileContext(context: SchemaContext, reporter: ModelReporter): Model[] {
  const crp = new CrpReader(context, reporter);
  checkAnnotations(crp, reporter);
  const modules = context.modules.filter(
    (module) => module.implemented && module.name !== CRP_MODULE,
  );
  const models: Model[] = [];
  for (const module of modules) {
    if (importsCrp(module)) checkModule(module, reporter);
    const service = crpOne(module, 'service')?.argument;
    if (service !== undefined) models.push(compileModule(module, service, { crp, reporter }));
    else if (module.children.length > 0) {
      const hint = `Say whose data it is: crp:service "${module.name.replace(/^common-/, '')}";`;
      reporter.report(
        'no-service',
        keywordSpan(module.statement),
        { module: module.name },
        { hint },
      );
    }
  }
  const first = modules.at(-1);
  if (models.length === 0 && first !== undefined && !reporter.hasErrors) {
    reporter.report('no-model', keywordSpan(first.statement), {});
  }
  return models;
}

function compileModule(
  module: Module,
  service: string,
  context: { crp: CrpReader; reporter: ModelReporter },
): Model {
  const { reporter } = context;
  const schema = sqlName(service);
  const drafts = findEntities(module, { ...context, schema });
  if (drafts.length === 0) {
    reporter.report('no-entity', keywordSpan(module.statement), { module: module.name });
  }
  checkAvailability(module, reporter);
  checkFit(module, context.crp, reporter);
  for (const draft of drafts) addColumns(draft, context);
  for (const draft of drafts) compileEntity(draft, { ...context, drafts });
  return finishModel({ module, service, schema, drafts }, reporter);
}

function compileEntity(
  draft: EntityDraft,
  context: { crp: CrpReader; reporter: ModelReporter; drafts: readonly EntityDraft[] },
): void {
  const { reporter } = context;
  checkOrder(draft, reporter);
  checkEntryCounts(draft, reporter);
  addGroups(draft, context);
  checkSiteColumns(draft, context);
  checkAdditive(draft, reporter);
  addUniques(draft, reporter);
  addReferences(draft, context);
  addChecks(draft, reporter);
  checkCounters(draft, context);
}
