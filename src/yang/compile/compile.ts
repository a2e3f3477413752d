/**
 * The compiler, from files to schema: read and link → definitions → drafts (groupings, augments,
 * deviations) → nodes → keys → leafrefs → defaults → conditions. Every step goes on after errors as far as
 * it can, so that one run shows as many of them as possible.
 */
import type { Diagnostic } from '../diagnostics.ts';
import { sortDiagnostics } from '../diagnostics.ts';
import { Reporter } from '../reporter.ts';
import type { LeafListNode, LeafNode, SchemaContext, SchemaNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import type { SourceFile } from '../source.ts';
import { dataChildren } from '../tree.ts';
import type { BindOptions } from '../xpath/bind.ts';
import { annotationsIn } from './annotations.ts';
import { applyAugments } from './augment.ts';
import { checkMandatoryAugments } from './augment-rules.ts';
import { checkDefinitions } from './check-definitions.ts';
import { finishConditions } from './conditions.ts';
import { createContext } from './context.ts';
import { Definitions, collectDefinitions } from './definitions.ts';
import { applyDeviations } from './deviate.ts';
import type { Draft } from './draft.ts';
import { expandChildren } from './expand.ts';
import { checkExtensions, extensionsIn } from './extensions.ts';
import { Features } from './features.ts';
import type { FeatureChoice } from './features.ts';
import type { Finished } from './finish.ts';
import { finishTree } from './finish.ts';
import { finishDefaults, finishStructure } from './finish-steps.ts';
import { checkUnusedGroupings } from './groupings.ts';
import { markImplemented } from './implemented.ts';
import { bindLeafrefs, cutLeafrefCycles } from './leafrefs.ts';
import { linkModules } from './link.ts';
import type { FindSource } from './registry.ts';
import type { Session } from './session.ts';
import { MAX_NODES } from './session.ts';
import type { ModuleUnit } from './unit.ts';
import { checkWhenLoops } from './when-loops.ts';

export interface CompileOptions {
  /** The modules to implement. */
  sources: readonly SourceFile[];
  /** Finds what they import and include. */
  find: FindSource;
  /** As in `LoadOptions`. */
  features?: FeatureChoice | undefined;
  implementImports?: boolean | undefined;
  lenientXPath?: boolean | undefined;
}

/** Compiles modules without touching the file system. */
export function compileModules(options: CompileOptions): {
  context: SchemaContext;
  diagnostics: Diagnostic[];
} {
  const reporter = new Reporter();
  const { modules, roots } = linkModules(options.sources, { find: options.find, reporter });
  for (const module of modules) collectDefinitions(module, reporter);
  const features = new Features(modules, { reporter, chosen: options.features ?? {} });
  const definitions = new Definitions(modules, { reporter, features });
  markImplemented(options.implementImports === true ? newestOf(modules) : roots);
  const session = createSession({ modules, features, definitions, reporter });
  const strict = options.lenientXPath === true ? [] : roots.map(({ module }) => module);
  compileSchema(session, new Set(strict));
  const context = createContext(modules.map(({ module }) => module));
  return { context, diagnostics: sortDiagnostics(reporter.diagnostics) };
}

/** Of two revisions of a module only one can be implemented. */
function newestOf(modules: readonly ModuleUnit[]): ModuleUnit[] {
  return modules.filter(({ module }) =>
    modules.every(
      (other) =>
        other.module.name !== module.name ||
        (other.module.revision ?? '') <= (module.revision ?? ''),
    ),
  );
}

function createSession(
  rest: Pick<Session, 'modules' | 'features' | 'definitions' | 'reporter'>,
): Session {
  return {
    ...rest,
    typedefs: new Map(),
    openTypedefs: new Set(),
    defaultSources: new Map(),
    currentDefinition: undefined,
    switchedOff: new Map(),
    inGrouping: false,
    nodes: 0,
    usedGroupings: new Set(),
  };
}

function compileSchema(session: Session, strict: ReadonlySet<Module>): void {
  for (const module of session.modules) checkModule(session, module);
  const implemented = session.modules.filter(({ module }) => module.implemented);
  const trees = new Map<ModuleUnit, Draft[]>();
  for (const module of implemented) trees.set(module, expandModule(session, module));
  applyAugments(session, implemented, trees);
  applyDeviations(session, implemented, trees);
  // A tree that was cut off somewhere would only give errors that mean nothing.
  if (session.nodes > MAX_NODES) return;
  const finished: Finished[] = [];
  for (const [{ module }, drafts] of trees) finishTree(session, drafts, { module, finished });
  checkMandatoryAugments(session, finished);
  finishNodes(session, finished, strict);
  checkUnusedGroupings(session, implemented);
}

function checkModule(session: Session, module: ModuleUnit): void {
  for (const { root, scope } of module.units) {
    checkExtensions(session, root, scope);
    module.module.extensions.push(...extensionsIn(session, root, scope));
    module.module.annotations.push(...annotationsIn(session, root, scope));
  }
  for (const identity of module.module.identities) {
    const definition = module.identities.get(identity.name)!;
    identity.extensions = extensionsIn(session, definition.statement, definition.scope);
  }
  checkDefinitions(session, module);
}

function expandModule(session: Session, module: ModuleUnit): Draft[] {
  const drafts: Draft[] = [];
  for (const { root, scope } of module.units) {
    const place = { scope, module, parent: undefined, into: drafts, chain: [] };
    expandChildren(session, root, place);
  }
  return drafts;
}

/** What needs all nodes to be there. */
function finishNodes(
  session: Session,
  finished: readonly Finished[],
  strict: ReadonlySet<Module>,
): void {
  finishStructure(session, finished);
  const topLevel = session.modules.flatMap(({ module }): SchemaNode[] => dataChildren(module));
  const options: Omit<BindOptions, 'isPath' | 'realm'> = {
    topLevel,
    isSwitchedOff: (place, module, name) => isSwitchedOff(session, { place, module, name }),
    report: (diagnostic) => session.reporter.add(diagnostic),
  };
  const leafs = finished
    .map(({ node }) => node)
    .filter(
      (node): node is LeafNode | LeafListNode => node.kind === 'leaf' || node.kind === 'leaf-list',
    );
  for (const leaf of leafs) bindLeafrefs(session, leaf, options);
  cutLeafrefCycles(session, leafs);
  finishDefaults(session, finished);
  for (const found of finished) finishConditions(session, found, { options, strict });
  checkWhenLoops(session, finished);
}

function isSwitchedOff(
  session: Session,
  { place, module, name }: { place: SchemaNode | 'root'; module: Module; name: string },
): boolean {
  const key = `${module.name}:${name}`;
  const inside = (owner: SchemaNode | Module): boolean =>
    session.switchedOff.get(owner)?.has(key) === true ||
    owner.children.some(
      (child) => (child.kind === 'choice' || child.kind === 'case') && inside(child),
    );
  return inside(place === 'root' ? module : place);
}
