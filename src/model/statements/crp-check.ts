/**
 * Checks place, number and argument of every `common-replication` statement as it is written, also where
 * the compiled schema would not show it: in groupings that nobody uses, under `refine` and `deviate`.
 */
import type { SchemaContext } from '../../yang/schema.ts';
import type { Module } from '../../yang/schema-modules.ts';
import type { Statement } from '../../yang/statement.ts';
import { argumentSpan, keywordSpan } from '../../yang/statement.ts';
import { checkArgument } from './crp-arguments.ts';
import type { CrpStatement } from './crp-statements.ts';
import { CRP_MODULE, CRP_STATEMENTS, crpStatement } from './crp-statements.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';

/** Statements that change a node from elsewhere: RFC 7950 gives extensions no meaning there. */
const CHANGES = new Set(['refine', 'deviation', 'deviate', 'uses', 'augment']);

/** Checks the statements of all modules that import `common-replication`. */
export function checkCrpStatements(context: SchemaContext, reporter: ModelReporter): void {
  for (const module of context.modules) {
    for (const file of [module.statement, ...module.submodules.map((part) => part.statement)]) {
      const prefixes = crpPrefixes(file);
      if (module.name !== CRP_MODULE && prefixes.size > 0) new Walk(prefixes, reporter).visit(file);
    }
  }
}

/** The prefixes under which a file imports `common-replication`. */
function crpPrefixes(file: Statement): Set<string> {
  const imports = file.substatements.filter(
    (child) => child.keyword === 'import' && child.argument === CRP_MODULE,
  );
  return new Set(
    imports.flatMap((found) =>
      found.substatements
        .filter((child) => child.keyword === 'prefix')
        .map((child) => child.argument ?? ''),
    ),
  );
}

/** The module is written for `common-replication`, or at least imports it. */
export function importsCrp(module: Module): boolean {
  return module.imports.some((found) => found.module === CRP_MODULE);
}

class Walk {
  readonly #prefixes: ReadonlySet<string>;
  readonly #reporter: ModelReporter;

  constructor(prefixes: ReadonlySet<string>, reporter: ModelReporter) {
    this.#prefixes = prefixes;
    this.#reporter = reporter;
  }

  visit(parent: Statement): void {
    const seen = new Map<string, Statement>();
    for (const child of parent.substatements) {
      const known = this.#isOurs(child) ? crpStatement(child.name) : undefined;
      if (known !== undefined) this.#check({ child, parent, known, seen });
      this.visit(child);
    }
    if (this.#isOurs(parent)) this.#requireChildren(parent, seen);
  }

  #isOurs(statement: Statement): boolean {
    return statement.prefix !== undefined && this.#prefixes.has(statement.prefix);
  }

  /** The parent's keyword as the table of places has it. */
  #keyword(statement: Statement): string {
    return this.#isOurs(statement) ? `crp:${statement.name}` : statement.keyword;
  }

  #check(work: {
    child: Statement;
    parent: Statement;
    known: CrpStatement;
    seen: Map<string, Statement>;
  }): void {
    const { child, parent, known, seen } = work;
    const place = this.#keyword(parent);
    const names = { statement: child.name, parent: place };
    const occurs = Object.hasOwn(known.places, place) ? known.places[place] : undefined;
    if (occurs === undefined) {
      if (CHANGES.has(place)) {
        const hint =
          'Say it with "crp:annotate" and the path of the node at the end of the module.';
        this.#reporter.report('crp-in-change', keywordSpan(child), names, { hint });
      } else {
        const expected = `it stands in ${Object.keys(known.places).map(quote).join(', ')}`;
        this.#reporter.report('misplaced-crp', keywordSpan(child), names, { expected });
      }
    } else if (occurs !== '*') this.#once(child, names, seen);
    this.#argument(child, known);
  }

  #once(
    child: Statement,
    names: { statement: string; parent: string },
    seen: Map<string, Statement>,
  ): void {
    const first = seen.get(child.name);
    if (first === undefined) {
      seen.set(child.name, child);
      return;
    }
    const related = [{ message: 'the first one', position: first.position }];
    this.#reporter.report('repeated-crp', keywordSpan(child), names, { related });
  }

  #argument(child: Statement, known: CrpStatement): void {
    const text = child.argument;
    // That an argument is missing or too much is an error of YANG, which the reader reports.
    if (text === undefined) return;
    const problem = checkArgument(known.argument, text);
    if (problem === undefined) return;
    const names = { statement: child.name, argument: text };
    this.#reporter.report('bad-crp-argument', argumentSpan(child), names, problem);
  }

  #requireChildren(parent: Statement, seen: ReadonlyMap<string, Statement>): void {
    const place = this.#keyword(parent);
    for (const [name, statement] of Object.entries(CRP_STATEMENTS)) {
      if (statement.places[place] !== '1' || seen.has(name)) continue;
      this.#reporter.report('missing-crp', keywordSpan(parent), {
        statement: name,
        parent: place,
      });
    }
  }
}

function quote(keyword: string): string {
  return `"${keyword}"`;
}
