import type { FeatureExpression } from '../grammar/if-feature.ts';
import { evaluateFeatures, featureNames, parseIfFeature } from '../grammar/if-feature.ts';
import type { Reporter } from '../reporter.ts';
import type { Status } from '../schema.ts';
import type { ExtensionDefinition, Feature, Identity } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSlice,
  argumentSpan,
  findSubstatement,
  findSubstatements,
  substatementArgument,
} from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import { resolvePrefix } from './session.ts';
import type { Definition, ModuleUnit, Scope, Unit } from './unit.ts';
import { splitName } from './unit.ts';

export type FeatureChoice = Readonly<Record<string, readonly string[]>>;

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

/** The `status` of a definition; `current` when it says nothing. */
export function statusOf(statement: Statement): Status {
  const status = substatementArgument(statement, 'status');
  return status === 'deprecated' || status === 'obsolete' ? status : 'current';
}

/** Features, identities and extensions of all modules. */
export class Definitions {
  readonly #reporter: Reporter;
  readonly #features = new Map<Statement, Feature>();
  readonly #identities = new Map<Statement, Identity | undefined>();
  readonly #extensions = new Map<Statement, ExtensionDefinition>();

  constructor(
    modules: readonly ModuleUnit[],
    options: { reporter: Reporter; features: FeatureChoice },
  ) {
    this.#reporter = options.reporter;
    for (const module of modules)
      this.#defineFeatures(module, options.features[module.module.name]);
    for (const module of modules) this.#settleFeatures(module);
    for (const module of modules) this.#defineExtensions(module);
    for (const module of modules) this.#defineIdentities(module);
    for (const module of modules) this.#linkIdentities(module);
    closeIdentities(this.#identities.values());
  }

  #defineFeatures(module: ModuleUnit, chosen: readonly string[] | undefined): void {
    for (const [name, { statement }] of module.features) {
      const feature: Feature = {
        name,
        module: module.module.name,
        enabled: chosen?.includes(name) ?? true,
        status: statusOf(statement),
        description: substatementArgument(statement, 'description'),
        position: statement.position,
      };
      this.#features.set(statement, feature);
      module.module.features.push(feature);
    }
  }

  /** A feature whose own condition is false is off, whatever was chosen (RFC 7950 §7.20.1). */
  #settleFeatures(module: ModuleUnit): void {
    for (const { statement, scope } of module.features.values()) {
      for (const condition of findSubstatements(statement, 'if-feature')) {
        this.#settleFeature(condition, statement, scope);
      }
    }
  }

  /** Switches a feature off when its condition is false or leads back to itself. */
  #settleFeature(condition: Statement, feature: Statement, scope: Scope): void {
    const reached = new Set<Statement>();
    const queue = this.#conditionFeatures(condition, scope.unit);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (reached.has(next.statement)) continue;
      reached.add(next.statement);
      for (const inner of findSubstatements(next.statement, 'if-feature')) {
        queue.push(...this.#conditionFeatures(inner, next.scope.unit));
      }
    }
    if (reached.has(feature)) {
      const cycle = feature.argument ?? '';
      this.#reporter.report('reference-cycle', argumentSpan(condition), { what: 'feature', cycle });
      this.#features.get(feature)!.enabled = false;
    } else if (!this.enabled(condition, scope)) this.#features.get(feature)!.enabled = false;
  }

  #conditionFeatures(condition: Statement, unit: Unit): Definition[] {
    const parsed = parseIfFeature(condition.argument ?? '');
    if (!parsed.ok) return [];
    return featureNames(parsed.value).flatMap((name) => {
      const definition = unitFor(unit, name.prefix)?.features.get(name.name);
      return definition === undefined ? [] : [definition];
    });
  }

  /** Whether all `if-feature` statements directly below a statement hold. */
  allEnabled(statement: Statement, scope: Scope): boolean {
    const conditions = findSubstatements(statement, 'if-feature');
    // Every condition is looked at, so that each wrong name in them is reported.
    return conditions.map((condition) => this.enabled(condition, scope)).every(Boolean);
  }

  /** Whether one `if-feature` statement holds; unknown names are reported and count as enabled. */
  enabled(condition: Statement, scope: Scope): boolean {
    const parsed = parseIfFeature(condition.argument ?? '');
    if (!parsed.ok) return true;
    const values = new Map<FeatureExpression, boolean>();
    for (const name of featureNames(parsed.value))
      values.set(name, this.#isOn(condition, name, scope));
    const names = featureNames(parsed.value);
    return evaluateFeatures(parsed.value, (prefix, name) => {
      const found = names.find((other) => other.prefix === prefix && other.name === name)!;
      return values.get(found)!;
    });
  }

  #isOn(
    condition: Statement,
    name: Extract<FeatureExpression, { kind: 'feature' }>,
    scope: Scope,
  ): boolean {
    const span = argumentSlice(condition, name);
    const module = resolvePrefix({ reporter: this.#reporter }, scope.unit, name.prefix, span);
    if (module === undefined) return true;
    const definition = module.features.get(name.name);
    if (definition === undefined) {
      const hint = didYouMean(name.name, module.features.keys());
      this.#reporter.report(
        'unknown-reference',
        span,
        { what: 'feature', name: name.name },
        { hint },
      );
      return true;
    }
    const feature = this.#features.get(definition.statement)!;
    const own = findSubstatements(definition.statement, 'if-feature');
    return feature.enabled && own.every((inner) => this.#holdsQuietly(inner, definition.scope));
  }

  /** The value of a feature's own condition, which was checked when the feature was settled. */
  #holdsQuietly(condition: Statement, scope: Scope, depth = 0): boolean {
    const parsed = parseIfFeature(condition.argument ?? '');
    if (!parsed.ok || depth > 50) return true;
    return evaluateFeatures(parsed.value, (prefix, name) => {
      const definition = unitFor(scope.unit, prefix)?.features.get(name);
      if (definition === undefined) return true;
      const own = findSubstatements(definition.statement, 'if-feature');
      const on = this.#features.get(definition.statement)?.enabled ?? true;
      return on && own.every((inner) => this.#holdsQuietly(inner, definition.scope, depth + 1));
    });
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
      const enabled = this.allEnabled(statement, scope);
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

  /** The identity of a definition; undefined when `if-feature` switched it off. */
  identity(statement: Statement): Identity | undefined {
    return this.#identities.get(statement);
  }
}

function unitFor(unit: Unit, prefix: string | undefined): ModuleUnit | undefined {
  return prefix === undefined ? unit.owner : unit.imports.get(prefix);
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
