import type { Reporter } from '../reporter.ts';
import type { SchemaNode, Status } from '../schema.ts';
import type { Typedef } from '../schema-types.ts';
import type { Module } from '../schema-modules.ts';
import type { Span } from '../source.ts';
import type { Statement } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import type { Definitions } from './definitions.ts';
import type { Features } from './features.ts';
import type { ModuleUnit, Scope, ScopedStatement, Unit } from './unit.ts';

/**
 * Far more nodes than real modules have (ietf-te-topology, the largest here, makes 2 134). Groupings that
 * use each other many times over could otherwise fill the memory from a few lines.
 */
export const MAX_NODES = 200_000;

/** What one run of the compiler works on. */
export interface Session {
  reporter: Reporter;
  /** All modules, imported ones before their importers. */
  modules: ModuleUnit[];
  features: Features;
  definitions: Definitions;
  /** Typedefs that were looked at; `undefined` for those that are wrong, and while one is open. */
  typedefs: Map<Statement, Typedef | undefined>;
  /** Typedefs that are being resolved, to find cycles. */
  openTypedefs: Set<Statement>;
  /** The `default` statement that a typedef's default comes from, its own or an inner typedef's. */
  defaultSources: Map<Typedef, ScopedStatement>;
  /** The definition whose references are being resolved. */
  currentDefinition: { name: string; status: Status } | undefined;
  /** Names of child nodes that `if-feature` switched off, by parent node or, at the top, by module. */
  switchedOff: Map<SchemaNode | Module, Set<string>>;
  /** A grouping that nothing uses is being checked: what depends on where it is used is not. */
  inGrouping: boolean;
  /** Nodes made so far; see `MAX_NODES`. */
  nodes: number;
  /** Groupings that some `uses` refers to. */
  usedGroupings: Set<Statement>;
}

/** Prefixes that everybody knows by heart, and their modules. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  crp: 'common-replication',
  dnsct: 'iana-dns-class-rr-type',
  ds: 'ietf-datastores',
  if: 'ietf-interfaces',
  inet: 'ietf-inet-types',
  md: 'ietf-yang-metadata',
  nacm: 'ietf-netconf-acm',
  yang: 'ietf-yang-types',
};

/** The module that a prefix stands for in a file; reports a prefix that is not known there. */
export function resolvePrefix(
  session: { reporter: Reporter },
  unit: Unit,
  prefix: string | undefined,
  span: Span,
): ModuleUnit | undefined {
  if (prefix === undefined) return unit.owner;
  const found = unit.imports.get(prefix);
  if (found !== undefined) return found;
  if (unit.broken.has(prefix)) return undefined;
  const module = Object.hasOwn(WELL_KNOWN, prefix) ? WELL_KNOWN[prefix] : 'MODULE';
  const imported = `Add "import ${module} { prefix ${prefix}; }" at the top of ${unit.root.position.file}`;
  const near = module === 'MODULE' ? didYouMean(prefix, unit.imports.keys()) : undefined;
  const hint = near ?? imported;
  session.reporter.report('unknown-prefix', span, { prefix }, { hint });
  return undefined;
}

/** Looks up a typedef or grouping by its possibly prefixed name; reports when there is none. */
export function lookUp(
  session: { reporter: Reporter },
  kind: 'typedef' | 'grouping',
  reference: { prefix: string | undefined; name: string; span: Span; scope: Scope },
): { statement: Statement; scope: Scope } | undefined {
  const { prefix, name, span, scope } = reference;
  const module = resolvePrefix(session, scope.unit, prefix, span);
  if (module === undefined) return undefined;
  const plural = kind === 'typedef' ? 'typedefs' : 'groupings';
  const local = module === scope.unit.owner;
  const found = local ? scope[kind](name) : module[plural].get(name);
  if (found !== undefined) return found;
  const names = local ? scope.visible(plural) : [...module[plural].keys()];
  const written = prefix === undefined ? name : `${prefix}:${name}`;
  const hint = didYouMean(name, names) ?? missingPrefix(scope.unit, { plural, name });
  session.reporter.report('unknown-reference', span, { what: kind, name: written }, { hint });
  return undefined;
}

/** A hint when another module of the file's imports defines the name: its prefix was forgotten. */
function missingPrefix(
  unit: Unit,
  { plural, name }: { plural: 'typedefs' | 'groupings'; name: string },
): string | undefined {
  for (const [prefix, module] of unit.imports) {
    if (module[plural].has(name)) return `Did you mean "${prefix}:${name}"?`;
  }
  return undefined;
}
