import type { Reporter } from '../reporter.ts';
import type { ExtensionDefinition, Identity } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSpan,
  findSubstatement,
  findSubstatements,
  substatementArgument,
} from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import type { Features } from './features.ts';
import { resolvePrefix } from './session.ts';
import { statusOf } from './status.ts';
import type { ModuleUnit, Scope } from './unit.ts';
import { splitName } from './unit.ts';

const TOP_LEVEL = {
  typedef: 'typedefs',
  grouping: 'groupings',
  identity: 'identities',
  feature: 'features',
  extension: 'extensions',
} as const;

/** Enters the top-level definitions of a module and its submodules by name. */
export function collectDefinitions(module: ModuleUnit, reporter: Reporter): void {
  for (const unit of module.units) {
    for (const statement of unit.root.substatements) {
      const { keyword, argument } = statement;
      if (argument === undefined || !Object.hasOwn(TOP_LEVEL, keyword)) continue;
      const table = module[TOP_LEVEL[keyword as keyof typeof TOP_LEVEL]];
      const first = table.get(argument);
      if (first === undefined) table.set(argument, { statement, scope: unit.scope });
      else reportDuplicate(reporter, { what: keyword, statement, first: first.statement });
    }
  }
}

/** Says that a name is taken, and by what. */
export function reportDuplicate(
  reporter: Reporter,
  { what, statement, first }: { what: string; statement: Statement; first: Statement },
): void {
  const related = [{ message: 'the first one is here', position: first.position }];
  const parameters = { what, name: statement.argument ?? '' };
  reporter.report('duplicate-definition', argumentSpan(statement), parameters, { related });
}

/** Identities and extensions of all modules. */
export class Definitions {
  readonly #reporter: Reporter;
  readonly #features: Features;
  readonly #identities = new Map<Statement, Identity | undefined>();
  readonly #extensions = new Map<Statement, ExtensionDefinition>();

  /** @param options.features say which identities there are */
  constructor(modules: readonly ModuleUnit[], options: { reporter: Reporter; features: Features }) {
    this.#reporter = options.reporter;
    this.#features = options.features;
    for (const module of modules) this.#defineExtensions(module);
    for (const module of modules) this.#defineIdentities(module);
    for (const module of modules) this.#linkIdentities(module);
    closeIdentities(this.#identities.values());
  }

  #defineExtensions(module: ModuleUnit): void {
    for (const [name, { statement }] of module.extensions) {
      const definition: ExtensionDefinition = {
        name,
        module: module.module.name,
        argument: substatementArgument(statement, 'argument'),
        status: statusOf(statement),
        description: substatementArgument(statement, 'description'),
        position: statement.position,
      };
      this.#extensions.set(statement, definition);
      module.module.extensionDefinitions.push(definition);
    }
  }

  extension(module: ModuleUnit, name: string): ExtensionDefinition | undefined {
    const definition = module.extensions.get(name);
    return definition === undefined ? undefined : this.#extensions.get(definition.statement);
  }

  #defineIdentities(module: ModuleUnit): void {
    for (const [name, { statement, scope }] of module.identities) {
      const identity: Identity = {
        name,
        module: module.module.name,
        bases: [],
        derived: [],
        status: statusOf(statement),
        description: substatementArgument(statement, 'description'),
        position: statement.position,
        extensions: [],
      };
      const enabled = this.#features.allEnabled(statement, scope);
      this.#identities.set(statement, enabled ? identity : undefined);
      if (enabled) module.module.identities.push(identity);
    }
  }

  #linkIdentities(module: ModuleUnit): void {
    for (const { statement, scope } of module.identities.values()) {
      const identity = this.#identities.get(statement);
      for (const base of findSubstatements(statement, 'base')) {
        const found = this.baseIdentity(base, scope);
        if (found !== undefined && identity !== undefined) identity.bases.push(found);
      }
    }
    for (const { statement } of module.identities.values()) {
      const identity = this.#identities.get(statement);
      if (identity === undefined || !derivesFromItself(identity)) continue;
      const base = findSubstatement(statement, 'base')!;
      const parameters = { what: 'identity', cycle: identity.name };
      this.#reporter.report('reference-cycle', argumentSpan(base), parameters);
      identity.bases = [];
    }
  }

  /** The identity that a `base` statement names; undefined when it is unknown or switched off. */
  baseIdentity(base: Statement, scope: Scope): Identity | undefined {
    const { prefix, name } = splitName(base.argument ?? '');
    const span = argumentSpan(base);
    const module = resolvePrefix({ reporter: this.#reporter }, scope.unit, prefix, span);
    if (module === undefined) return undefined;
    const definition = module.identities.get(name);
    if (definition !== undefined) return this.#identities.get(definition.statement);
    const hint = didYouMean(name, module.identities.keys());
    const parameters = { what: 'identity', name: base.argument ?? '' };
    this.#reporter.report('unknown-reference', span, parameters, { hint });
    return undefined;
  }
}

function derivesFromItself(identity: Identity): boolean {
  const seen = new Set<Identity>();
  const queue = [...identity.bases];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (next === identity) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    queue.push(...next.bases);
  }
  return false;
}

/** Fills `derived` with everything below each identity. */
function closeIdentities(identities: Iterable<Identity | undefined>): void {
  for (const identity of identities) {
    if (identity === undefined) continue;
    const above = new Set<Identity>();
    const queue = [...identity.bases];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (above.has(next)) continue;
      above.add(next);
      next.derived.push(identity);
      queue.push(...next.bases);
    }
  }
}
