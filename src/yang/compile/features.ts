import type { FeatureExpression } from '../grammar/if-feature.ts';
import { evaluateFeatures, featureNames, parseIfFeature } from '../grammar/if-feature.ts';
import type { Reporter } from '../reporter.ts';
import type { Feature } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSlice,
  argumentSpan,
  findSubstatements,
  substatementArgument,
} from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import { resolvePrefix } from './session.ts';
import { statusOf } from './status.ts';
import type { Definition, ModuleUnit, Scope, Unit } from './unit.ts';

/** The features that are enabled, by module; all of those of a module that is not listed. */
export type FeatureChoice = Readonly<Record<string, readonly string[]>>;

/** The features of all modules, and the conditions that name them (RFC 7950 §7.20). */
export class Features {
  readonly #reporter: Reporter;
  readonly #features = new Map<Statement, Feature>();

  constructor(
    modules: readonly ModuleUnit[],
    options: { reporter: Reporter; chosen: FeatureChoice },
  ) {
    this.#reporter = options.reporter;
    for (const module of modules) this.#define(module, options.chosen[module.module.name]);
    for (const module of modules) this.#settle(module);
  }

  #define(module: ModuleUnit, chosen: readonly string[] | undefined): void {
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
  #settle(module: ModuleUnit): void {
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
    } else if (!this.#holds(condition, scope)) this.#features.get(feature)!.enabled = false;
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
    return conditions.map((condition) => this.#holds(condition, scope)).every(Boolean);
  }

  /** Whether one `if-feature` statement holds; unknown names are reported and count as enabled. */
  #holds(condition: Statement, scope: Scope): boolean {
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
}

function unitFor(unit: Unit, prefix: string | undefined): ModuleUnit | undefined {
  return prefix === undefined ? unit.owner : unit.imports.get(prefix);
}
