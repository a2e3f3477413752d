/** The grammars of the arguments of `common-replication` statements. */
import type { CrpArgument } from './crp-statements.ts';
import { didYouMean } from '../../yang/suggest.ts';

/** What would have been right, and a sentence that helps. */
export interface ArgumentProblem {
  expected: string;
  hint?: string | undefined;
}

const IDENTIFIER = '[A-Za-z_][A-Za-z0-9_.-]*';
const REFERENCE = `(?:${IDENTIFIER}:)?${IDENTIFIER}`;
const PATH = `(?:\\.\\./)*${REFERENCE}(?:/${REFERENCE})*`;
const SQL_NAME = '[A-Za-z_][A-Za-z0-9_$]*';
/** Tables and columns that exist may have any name; it is written as it is, without quotes. */
const ANY_NAME = '[^\\s.="](?:[^.="]*[^\\s.="])?';
const QUALIFIED = `${ANY_NAME}(?:\\.${ANY_NAME})?`;
const SITE = '[a-z][a-z0-9-]{0,30}';
const DURATION = /^P(?=.)(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?$/;

const GRAMMARS: Readonly<
  Record<Exclude<CrpArgument['kind'], 'none' | 'choice'>, readonly [RegExp, string]>
> = {
  identifier: [
    whole(IDENTIFIER),
    'an identifier: a letter or "_", then letters, digits, "_", "-", "."',
  ],
  path: [
    whole(PATH),
    'the path of a leaf from the entity, without predicates, for example "soa/serial"',
  ],
  paths: [whole(`${PATH} +${PATH}`), 'the paths of two leafs, separated by a blank'],
  'schema-path': [
    whole(`(?:/${REFERENCE})+`),
    'the absolute path of a node in the schema, for example "/ex:servers/ex:server"',
  ],
  duration: [
    DURATION,
    'a duration of days, hours, minutes and seconds, for example "PT10M" or "P7D"',
  ],
  method: [whole(REFERENCE), 'a resolution method with its prefix, "crp:latest-timestamp"'],
  words: [whole('\\S+(?:\\s+\\S+)+'), 'at least two values, separated by blanks'],
  sites: [
    whole(`${SITE}(?:\\s+${SITE})*`),
    'names of sites, separated by blanks, the first one first',
  ],
  text: [/\S/, 'some text'],
  'sql-name': [whole(QUALIFIED), 'an SQL name, with or without a schema'],
  'sql-names': [whole(`${SQL_NAME}(?: +${SQL_NAME})*`), 'SQL names, separated by blanks'],
  'sql-binding': [whole(`(?:${ANY_NAME}=)?${ANY_NAME}`), 'an SQL name'],
};

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/** What is wrong with an argument; undefined when it follows the grammar. */
export function checkArgument(argument: CrpArgument, text: string): ArgumentProblem | undefined {
  if (argument.kind === 'none') return undefined;
  if (argument.kind === 'choice') {
    if (argument.values.includes(text)) return undefined;
    const names = argument.values.map((value) => `"${value}"`).join(', ');
    return { expected: `one of ${names}`, hint: didYouMean(text, argument.values) };
  }
  const [grammar, expected] = GRAMMARS[argument.kind];
  return grammar.test(text) ? undefined : { expected };
}
