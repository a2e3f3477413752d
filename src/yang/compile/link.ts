import type { Reporter } from '../reporter.ts';
import type { SourceFile } from '../source.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSpan,
  findSubstatement,
  findSubstatements,
  keywordSpan,
  substatementArgument,
} from '../statement.ts';
import type { FindSource, ReadFile } from './registry.ts';
import { createModule, createUnit, readModuleFile } from './registry.ts';
import type { ModuleUnit, Unit } from './unit.ts';

/** The given modules and everything that they import or include. */
export interface Linked {
  /** Imported modules before their importers. */
  modules: ModuleUnit[];
  /** The modules of the given files, in their order. */
  roots: ModuleUnit[];
}

/** Reads the files, finds what they import and include, and ties prefixes to modules (RFC 7950 §5.1). */
export function linkModules(
  sources: readonly SourceFile[],
  options: { find: FindSource; reporter: Reporter },
): Linked {
  const linker = new Linker(options.find, options.reporter);
  const files = sources.map((source) => readModuleFile(source, options.reporter));
  const roots = files.flatMap((file) => linker.addRoot(file) ?? []);
  for (const root of roots) linker.link(root);
  linker.checkNamespaces();
  return { modules: linker.ordered, roots };
}

class Linker {
  readonly ordered: ModuleUnit[] = [];
  readonly #find: FindSource;
  readonly #reporter: Reporter;
  /** By name; an import without a revision gets the first one. */
  readonly #known = new Map<string, ModuleUnit[]>();
  readonly #state = new Map<ModuleUnit, 'linking' | 'linked'>();
  readonly #chain: string[] = [];

  constructor(find: FindSource, reporter: Reporter) {
    this.#find = find;
    this.#reporter = reporter;
  }

  addRoot(file: ReadFile | undefined): ModuleUnit | undefined {
    if (file === undefined) return undefined;
    if (file.kind === 'submodule') {
      const module = findSubstatement(file.root, 'belongs-to')?.argument ?? '?';
      const hint = `Load module "${module}", which includes it`;
      const parameters = { submodule: file.name, module };
      this.#reporter.report('not-standalone', argumentSpan(file.root), parameters, { hint });
      return undefined;
    }
    const [known] = this.#known.get(file.name) ?? [];
    if (known === undefined) return this.#add(file);
    if (known.module.revision === file.revision) return undefined;
    const [one, other] = [known.module.revision ?? 'none', file.revision ?? 'none'];
    this.#reporter.report('two-revisions', argumentSpan(file.root), {
      module: file.name,
      one,
      other,
    });
    return undefined;
  }

  #add(file: ReadFile): ModuleUnit {
    const module = createModule(file);
    this.#known.set(file.name, [...(this.#known.get(file.name) ?? []), module]);
    return module;
  }

  /** Links a module after everything that it imports. */
  link(module: ModuleUnit): void {
    if (this.#state.has(module)) return;
    this.#state.set(module, 'linking');
    this.#chain.push(module.module.name);
    const [main] = module.units;
    const own = findSubstatement(main!.root, 'prefix');
    if (own?.argument !== undefined) main!.imports.set(own.argument, module);
    this.#includes(main!);
    for (const unit of module.units) this.#imports(unit);
    this.#chain.pop();
    this.#state.set(module, 'linked');
    this.ordered.push(module);
  }

  #imports(unit: Unit): void {
    for (const statement of findSubstatements(unit.root, 'import')) {
      const prefix = findSubstatement(statement, 'prefix');
      const target = this.#import(statement);
      if (prefix?.argument === undefined) continue;
      if (target === undefined) {
        unit.broken.add(prefix.argument);
        continue;
      }
      if (unit.imports.has(prefix.argument)) {
        this.#reporter.report('duplicate-prefix', argumentSpan(prefix), {
          prefix: prefix.argument,
        });
        continue;
      }
      unit.imports.set(prefix.argument, target);
      const { name, revision } = target.module;
      const position = statement.position;
      unit.owner.module.imports.push({ prefix: prefix.argument, module: name, revision, position });
    }
  }

  #import(statement: Statement): ModuleUnit | undefined {
    const name = statement.argument;
    if (name === undefined) return undefined;
    const revision = substatementArgument(statement, 'revision-date');
    const module = this.#lookUp(name, revision) ?? this.#read(statement, name, revision);
    if (module === undefined) return undefined;
    if (this.#state.get(module) === 'linking') {
      const cycle = [...this.#chain.slice(this.#chain.indexOf(name)), name].join(' → ');
      const hint = 'Move what both need into a third module';
      this.#reporter.report('import-cycle', argumentSpan(statement), { cycle }, { hint });
      return undefined;
    }
    this.link(module);
    return module;
  }

  #lookUp(name: string, revision: string | undefined): ModuleUnit | undefined {
    const known = this.#known.get(name);
    if (revision === undefined) return known?.[0];
    return known?.find((unit) => unit.module.revision === revision);
  }

  #read(statement: Statement, name: string, revision: string | undefined): ModuleUnit | undefined {
    const file = this.#readFile(statement, { name, revision, kind: 'module' });
    if (file === undefined) return undefined;
    return this.#lookUp(name, file.revision ?? revision) ?? this.#add(file);
  }

  /** The file that an `import` or `include` names. */
  #readFile(
    statement: Statement,
    wanted: { name: string; revision: string | undefined; kind: 'module' | 'submodule' },
  ): ReadFile | undefined {
    const { name, revision, kind } = wanted;
    const source = this.#find(name, revision);
    if (source === undefined) {
      const hint = `Put ${name}${revision === undefined ? '' : `@${revision}`}.yang into a folder of the search path`;
      const parameters = { module: name, revision };
      this.#reporter.report('module-not-found', argumentSpan(statement), parameters, { hint });
      return undefined;
    }
    const file = readModuleFile(source, this.#reporter);
    if (file === undefined) return undefined;
    if (file.kind !== kind) {
      const parameters = { module: name, found: file.kind, expected: kind };
      this.#reporter.report('wrong-kind-of-module', argumentSpan(statement), parameters);
      return undefined;
    }
    if (file.name !== name) {
      const parameters = { file: source.name, found: file.name, expected: name };
      this.#reporter.report('wrong-module-name', argumentSpan(statement), parameters);
      return undefined;
    }
    return file;
  }

  /** Adds the submodules that a file includes, and those that they include (RFC 7950 §7.1.6). */
  #includes(unit: Unit): void {
    const { owner } = unit;
    for (const statement of findSubstatements(unit.root, 'include')) {
      const name = statement.argument;
      if (name === undefined) continue;
      const known = owner.units.some((other) => other.root.argument === name);
      const revision = substatementArgument(statement, 'revision-date');
      const file = known
        ? undefined
        : this.#readFile(statement, { name, revision, kind: 'submodule' });
      if (file === undefined || !this.#belongs(file, owner, statement)) continue;
      const submodule = createUnit(file, owner);
      const belongsTo = findSubstatement(file.root, 'belongs-to')!;
      submodule.imports.set(substatementArgument(belongsTo, 'prefix') ?? '', owner);
      owner.units.push(submodule);
      owner.module.submodules.push({ name, revision: file.revision, statement: file.root });
      owner.module.deviations.push(...findSubstatements(file.root, 'deviation'));
      this.#includes(submodule);
    }
  }

  #belongs(file: ReadFile, owner: ModuleUnit, include: Statement): boolean {
    const belongsTo = substatementArgument(file.root, 'belongs-to') ?? '';
    const { name, yangVersion } = owner.module;
    if (belongsTo !== name) {
      const parameters = { submodule: file.name, belongsTo, module: name };
      this.#reporter.report('wrong-belongs-to', argumentSpan(include), parameters);
      return false;
    }
    if (file.yangVersion !== yangVersion) {
      const parameters = { submodule: file.name, module: name };
      this.#reporter.report('version-mismatch', argumentSpan(include), parameters);
    }
    return true;
  }

  /** Two modules cannot have one namespace; two revisions of one module do. */
  checkNamespaces(): void {
    const seen = new Map<string, ModuleUnit>();
    for (const unit of this.ordered) {
      const { namespace, name, statement } = unit.module;
      const other = seen.get(namespace);
      if (other !== undefined && other.module.name !== name && namespace !== '') {
        const place = findSubstatement(statement, 'namespace') ?? statement;
        const span = place === statement ? keywordSpan(place) : argumentSpan(place);
        const parameters = { namespace, module: other.module.name };
        this.#reporter.report('duplicate-namespace', span, parameters);
      }
      seen.set(namespace, unit);
    }
  }
}
