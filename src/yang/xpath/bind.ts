/** Ties the names of an XPath expression to schema nodes (RFC 7950 §6.4). */
import type { Diagnostic } from '../diagnostics.ts';
import type { BoundXPath, SchemaNode } from '../schema.ts';
import type { Module } from '../schema-modules.ts';
import type { Span } from '../source.ts';
import { spanOf } from '../source.ts';
import { didYouMean } from '../suggest.ts';
import { createDiagnostic } from '../diagnostic-codes.ts';
import type { CallExpression, Expression, Located, PathExpression, Step } from './ast.ts';
import type { Place, Surroundings } from './schema-axes.ts';
import { axisPlaces, childrenOf } from './schema-axes.ts';
import { FUNCTION_NAMES, functionArity } from './signatures.ts';

export interface BindOptions extends Surroundings {
  /** Whether `if-feature` switched a child of this name off. */
  isSwitchedOff(place: Place, module: Module, name: string): boolean;
  /** For `path`: a name that leads nowhere, or is switched off, makes the leafref unusable. */
  isPath: boolean;
  report(diagnostic: Diagnostic): void;
}

/** Places that a node-set can hold; `open` when it may hold others that are not known. */
interface Places {
  set: ReadonlySet<Place>;
  open: boolean;
}

const NOTHING: Places = { set: new Set(), open: false };
const ANYTHING: Places = { set: new Set(), open: true };

/** Fills `xpath.targets`; reports names that lead nowhere, unknown functions and prefixes. */
export function bindXPath(xpath: BoundXPath, options: BindOptions): void {
  new Binder(xpath, options).bind();
}

class Binder {
  readonly #xpath: BoundXPath;
  readonly #options: BindOptions;
  readonly #targets: Map<Step, readonly SchemaNode[]>;
  readonly #start: Places;

  constructor(xpath: BoundXPath, options: BindOptions) {
    this.#xpath = xpath;
    this.#options = options;
    this.#targets = xpath.targets as Map<Step, readonly SchemaNode[]>;
    this.#start = { set: new Set([xpath.context ?? 'root']), open: false };
  }

  bind(): void {
    this.#visit(this.#xpath.expression, this.#start);
  }

  #span({ offset, length }: Located): Span {
    return spanOf(this.#xpath.positionAt(offset), length);
  }

  /** Visits an expression and returns the places of its node-set. */
  #visit(expression: Expression, context: Places): Places {
    switch (expression.kind) {
      case 'binary':
        this.#visit(expression.left, context);
        this.#visit(expression.right, context);
        return NOTHING;
      case 'negate':
        this.#visit(expression.operand, context);
        return NOTHING;
      case 'union': {
        const left = this.#visit(expression.left, context);
        const right = this.#visit(expression.right, context);
        return { set: new Set([...left.set, ...right.set]), open: left.open || right.open };
      }
      case 'path':
        return this.#path(expression, context);
      case 'filter': {
        const places = this.#visit(expression.primary, context);
        for (const predicate of expression.predicates) this.#visit(predicate, places);
        return places;
      }
      case 'call':
        return this.#call(expression, context);
      case 'variable': {
        const problem = `there are no variables in YANG ("$${expression.name}")`;
        this.#report('xpath-function', expression, problem);
        return NOTHING;
      }
      default:
        return NOTHING;
    }
  }

  #report(code: 'xpath-function', place: Located, problem: string, hint?: string): void {
    this.#options.report(createDiagnostic(code, this.#span(place), { problem }, { hint }));
  }

  #path(path: PathExpression, context: Places): Places {
    let places = context;
    if (path.start !== undefined) places = this.#visit(path.start, context);
    if (path.absolute) places = { set: new Set<Place>(['root']), open: false };
    for (const step of path.steps) {
      places = this.#step(step, places);
      const nodes = [...places.set].filter((place) => place !== 'root');
      const before = this.#targets.get(step) ?? [];
      this.#targets.set(step, [...new Set([...before, ...nodes])]);
      for (const predicate of step.predicates) this.#visit(predicate, places);
    }
    return places;
  }

  #step(step: Step, from: Places): Places {
    if (step.axis === 'attribute' || step.axis === 'namespace') return ANYTHING;
    const { test } = step;
    const module = test.kind === 'name' ? this.#moduleOf(step) : undefined;
    if (module === 'unknown') return ANYTHING;
    const set = new Set<Place>();
    let open = from.open;
    for (const place of from.set) {
      if (place !== 'root' && (place.kind === 'anydata' || place.kind === 'anyxml')) open = true;
      for (const found of axisPlaces(step.axis, place, this.#options)) {
        if (this.#matches(found, step, module)) set.add(found);
      }
    }
    if (set.size === 0 && !open && from.set.size > 0) {
      const excused = this.#missing(step, from, module);
      return { set, open: excused };
    }
    return { set, open };
  }

  /** The module of a name test; undefined for `*`, `unknown` for a prefix that is not defined. */
  #moduleOf(step: Step): Module | undefined | 'unknown' {
    const { test } = step;
    if (test.kind !== 'name') return undefined;
    if (test.prefix === undefined) {
      if (test.name === '*') return undefined;
      return this.#xpath.context?.module ?? this.#xpath.scope.module;
    }
    const module = this.#xpath.scope.resolve(test.prefix);
    if (module !== undefined) return module;
    if (this.#xpath.scope.isBroken(test.prefix)) return 'unknown';
    const place = { offset: step.offset, length: test.prefix.length };
    const hint = didYouMean(test.prefix, this.#xpath.scope.prefixes());
    const parameters = { prefix: test.prefix };
    this.#options.report(
      createDiagnostic('unknown-prefix', this.#span(place), parameters, { hint }),
    );
    return 'unknown';
  }

  #matches(place: Place, { test }: Step, module: Module | undefined): boolean {
    if (test.kind === 'node') return true;
    if (test.kind !== 'name' || place === 'root') return false;
    if (module !== undefined && place.module !== module) return false;
    return test.name === '*' || test.name === place.name;
  }

  /** Reports a step that selects nothing; true when it may, because the name is known all the same. */
  #missing(step: Step, from: Places, module: Module | undefined): boolean {
    const { test } = step;
    if (test.kind === 'text' || test.kind === 'comment' || step.axis === 'self') return false;
    const [place] = from.set;
    const where = place === 'root' ? 'at the top' : `in ${place!.kind} "${place!.name}"`;
    if (test.kind !== 'name') {
      const problem = step.axis === 'parent' ? 'there is nothing above the root' : undefined;
      if (problem !== undefined) this.#report('xpath-function', step, problem);
      return false;
    }
    if (test.name === '*') return false;
    if (module !== undefined && this.#excused({ place: place!, module, name: test.name }))
      return true;
    const siblings = childrenOf(place!, this.#options);
    const elsewhere = siblings.find((node) => node.name === test.name);
    const hint =
      elsewhere === undefined
        ? didYouMean(
            test.name,
            siblings.map((node) => node.name),
          )
        : `"${test.name}" is in module "${elsewhere.module.name}": write its prefix`;
    const parameters = { name: test.name, where };
    const span = this.#span(step);
    const code = this.#options.isPath ? 'path-unknown-node' : 'xpath-unknown-node';
    this.#options.report(createDiagnostic(code, span, parameters, { hint }));
    return true;
  }

  /** Nodes that are switched off, or of a module that only lends definitions, exist but not here. */
  #excused({ place, module, name }: { place: Place; module: Module; name: string }): boolean {
    if (!this.#options.isPath && this.#options.isSwitchedOff(place, module, name)) return true;
    return place === 'root' && !module.implemented;
  }

  #call(call: CallExpression, context: Places): Places {
    const results = call.arguments.map((argument) => this.#visit(argument, context));
    const arity = functionArity(call.name);
    if (arity === undefined) {
      const problem = `there is no function "${call.name}"`;
      this.#report('xpath-function', call, problem, didYouMean(call.name, FUNCTION_NAMES));
      return ANYTHING;
    }
    const [min, max] = arity;
    if (call.arguments.length < min || call.arguments.length > max) {
      const wanted =
        min === max ? `${min}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
      const problem = `"${call.name}" takes ${wanted} arguments, not ${call.arguments.length}`;
      this.#report('xpath-function', call, problem);
    }
    if (call.name.startsWith('derived-from')) this.#checkIdentity(call);
    if (call.name === 'current') return this.#start;
    return call.name === 'deref' ? this.#deref(results[0] ?? NOTHING) : NOTHING;
  }

  /** The second argument of `derived-from`, when it is a literal, names an identity. */
  #checkIdentity(call: CallExpression): void {
    const name = call.arguments[1];
    if (name?.kind !== 'literal') return;
    const colon = name.value.indexOf(':');
    const prefix = colon < 0 ? undefined : name.value.slice(0, colon);
    // Without a prefix it is in the module of the expression's file (RFC 7950 §10.4.1).
    const module = this.#xpath.scope.resolve(prefix);
    const local = name.value.slice(colon + 1);
    if (prefix !== undefined && this.#xpath.scope.isBroken(prefix)) return;
    // Identities that `if-feature` switched off are still known by their statements.
    const known = module?.statement === undefined || definesIdentity(module, local);
    if (module !== undefined && known) return;
    const names = module?.identities.map((identity) => identity.name) ?? [];
    const hint = didYouMean(local, names);
    const parameters = { name: name.value };
    const span = this.#span(name);
    this.#options.report(createDiagnostic('xpath-unknown-identity', span, parameters, { hint }));
  }

  #deref(places: Places): Places {
    const set = new Set<Place>();
    let { open } = places;
    for (const place of places.set) {
      if (place === 'root' || (place.kind !== 'leaf' && place.kind !== 'leaf-list')) continue;
      if (place.type.base === 'leafref' && place.type.target !== undefined)
        set.add(place.type.target);
      else open = true;
    }
    return { set, open };
  }
}

function definesIdentity(module: Module, name: string): boolean {
  const roots = [module.statement, ...module.submodules.map((submodule) => submodule.statement)];
  return roots.some((root) =>
    root.substatements.some((child) => child.keyword === 'identity' && child.argument === name),
  );
}
