/** What hover and completion say about `common-replication`: the texts of the module itself. */
import { METHODS } from '../model/statements/engine.ts';
import { CRP_MODULE } from '../model/statements/crp-statements.ts';
import { paragraphs, statementText } from '../model/statements/statements-page.ts';
import { createFinder } from '../yang/load.ts';
import type { Statement } from '../yang/statement.ts';
import { findSubstatements, substatementArgument } from '../yang/statement.ts';
import { parseSource } from '../yang/syntax/parser.ts';

/** The descriptions of statements and methods, as Markdown. */
export class CrpReference {
  readonly #statements: ReadonlyMap<string, Statement>;
  readonly #methods: ReadonlyMap<string, Statement>;

  /** @param folders where the module is; without it there are no texts. */
  constructor(folders: readonly string[]) {
    const source = createFinder(folders)(CRP_MODULE, undefined);
    const root = source === undefined ? undefined : parseSource(source).root;
    const named = (keyword: string): Map<string, Statement> =>
      new Map(
        (root === undefined ? [] : findSubstatements(root, keyword)).map((one) => [
          one.argument ?? '',
          one,
        ]),
      );
    this.#statements = named('extension');
    this.#methods = named('identity');
  }

  /** Place, number, meaning and argument of a statement. */
  statement(name: string): string | undefined {
    const extension = this.#statements.get(name);
    if (extension === undefined) return undefined;
    const { title, text } = statementText(extension);
    return [`**${title}**`, ...text].join('\n\n');
  }

  /** The part of a statement's text that is about its argument. */
  argument(name: string): string | undefined {
    const extension = this.#statements.get(name);
    if (extension === undefined) return undefined;
    const { text } = statementText(extension);
    const from = text.findIndex((part) => part.includes('Argument:'));
    if (from < 0) return undefined;
    const first = text[from]!;
    return [first.slice(first.indexOf('Argument:')), ...text.slice(from + 1)].join('\n\n');
  }

  /** Meaning and class of a resolution method. */
  method(name: string): string | undefined {
    const identity = this.#methods.get(name);
    const info = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
    if (identity === undefined || info === undefined) return undefined;
    const text = paragraphs(substatementArgument(identity, 'description') ?? '');
    return [`**crp:${name}**`, ...text, methodClass(name)].join('\n\n');
  }
}

/** The class of a method in one sentence. */
export function methodClass(name: string): string {
  const { available, ordered } = METHODS[name]!;
  const kind = ordered
    ? 'ordered: concurrent changes are replayed in the order of their stamps'
    : 'commutative: the order of changes does not matter';
  return `Class: ${kind}.${available ? '' : ' *Not available in this version.*'}`;
}
