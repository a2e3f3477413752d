import type { SourceFile } from '../source.ts';
import type { Reporter } from '../reporter.ts';
import type { Module, PrefixScope } from '../schema-modules.ts';
import type { Statement } from '../statement.ts';
import { argumentSpan, findSubstatements, substatementArgument } from '../statement.ts';
import { parseSource } from '../syntax/parser.ts';
import { checkGrammar } from '../grammar/check.ts';
import type { ModuleUnit, Unit } from './unit.ts';
import { Scope } from './unit.ts';

/** Finds the file of a module or submodule: of a revision, or of the newest one. */
export type FindSource = (name: string, revision: string | undefined) => SourceFile | undefined;

/** A file that was read and is known to be a module or a submodule. */
export interface ReadFile {
  root: Statement;
  name: string;
  kind: 'module' | 'submodule';
  yangVersion: '1' | '1.1';
  revision: string | undefined;
}

/** Reads a file and checks all that can be checked in it alone; undefined when it is unusable. */
export function readModuleFile(source: SourceFile, reporter: Reporter): ReadFile | undefined {
  const { root, yangVersion, diagnostics } = parseSource(source);
  for (const diagnostic of diagnostics) reporter.add(diagnostic);
  if (root === undefined) return undefined;
  checkGrammar(root, { yangVersion, reporter });
  if (root.argument === undefined) return undefined;
  if (root.keyword !== 'module' && root.keyword !== 'submodule') return undefined;
  const revision = newestRevision(root, reporter);
  return { root, name: root.argument, kind: root.keyword, yangVersion, revision };
}

/** The newest revision; that it should stand first is said in RFC 7950 §7.1.9. */
function newestRevision(root: Statement, reporter: Reporter): string | undefined {
  let newest: string | undefined;
  let before: string | undefined;
  for (const statement of findSubstatements(root, 'revision')) {
    const date = statement.argument;
    if (date === undefined) continue;
    if (before !== undefined && date > before) {
      reporter.report('revision-order', argumentSpan(statement), { revision: date });
    }
    if (before === date) {
      const parameters = { what: 'revision', name: date };
      reporter.report('duplicate-definition', argumentSpan(statement), parameters);
    }
    before = date;
    if (newest === undefined || date > newest) newest = date;
  }
  return newest;
}

/** Makes the module of a file, still without its imports, submodules and definitions. */
export function createModule(file: ReadFile): ModuleUnit {
  const { root, name, yangVersion, revision } = file;
  const module: Module = {
    name,
    namespace: substatementArgument(root, 'namespace') ?? '',
    prefix: substatementArgument(root, 'prefix') ?? name,
    yangVersion,
    revision,
    implemented: false,
    organization: substatementArgument(root, 'organization'),
    contact: substatementArgument(root, 'contact'),
    description: substatementArgument(root, 'description'),
    reference: substatementArgument(root, 'reference'),
    imports: [],
    submodules: [],
    typedefs: [],
    features: [],
    identities: [],
    extensionDefinitions: [],
    annotations: [],
    children: [],
    extensions: [],
    deviations: findSubstatements(root, 'deviation'),
    statement: root,
    position: root.position,
  };
  const owner: ModuleUnit = {
    module,
    units: [],
    typedefs: new Map(),
    groupings: new Map(),
    identities: new Map(),
    features: new Map(),
    extensions: new Map(),
  };
  owner.units.push(createUnit(file, owner));
  return owner;
}

/** Makes the unit of a file that belongs to `owner`. */
export function createUnit(file: ReadFile, owner: ModuleUnit): Unit {
  const { root, yangVersion, revision } = file;
  const imports = new Map<string, ModuleUnit>();
  const broken = new Set<string>();
  const prefixScope: PrefixScope = {
    module: owner.module,
    resolve: (prefix) => (prefix === undefined ? owner.module : imports.get(prefix)?.module),
    isBroken: (prefix) => broken.has(prefix),
    prefixes: () => [...imports.keys()],
  };
  const unit = { root, yangVersion, revision, owner, imports, broken, prefixScope } as Unit;
  unit.scope = new Scope(unit, undefined, undefined);
  return unit;
}
