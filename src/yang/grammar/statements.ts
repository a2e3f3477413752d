/**
 * The grammar of all statements (RFC 7950 §14, RFC 6020 §12): which substatements each takes, how many,
 * and what its argument is.
 */
import type { ArgumentKind } from './arguments.ts';

export interface StatementRule {
  argument: ArgumentKind;
  /** By keyword, in the order of the RFC. */
  children: ReadonlyMap<string, ChildRule>;
}

export interface ChildRule {
  min: 0 | 1;
  /** 1, or Infinity. */
  max: number;
  /** Not allowed here in YANG 1 modules, or not so often. */
  since: 'anywhere' | 'yang-1.1' | 'repeated-in-yang-1.1';
}

// Notation: ? 0..1, ! exactly 1, * any number, + at least 1; a leading ~ is for YANG 1.1 only, a leading
// ^ may be repeated in YANG 1.1 only.
const DOC = 'description? reference?';
const META = `status? ${DOC}`;
const DATA = 'container* leaf* leaf-list* list* choice* ~anydata* anyxml* uses*';
const SCOPED = 'typedef* grouping*';
const LINKAGE = 'import* include*';
const BODY = `organization? contact? ${DOC} revision* extension* feature* identity* ${SCOPED} ${DATA} augment* rpc* notification* deviation*`;
const RESTRICTED = `error-message? error-app-tag? ${DOC}`;

const RULES: Readonly<Record<string, readonly [ArgumentKind, string]>> = {
  module: ['identifier', `yang-version? namespace! prefix! ${LINKAGE} ${BODY}`],
  submodule: ['identifier', `yang-version? belongs-to! ${LINKAGE} ${BODY}`],
  'yang-version': ['yang-version', ''],
  namespace: ['uri', ''],
  prefix: ['identifier', ''],
  organization: ['string', ''],
  contact: ['string', ''],
  description: ['string', ''],
  reference: ['string', ''],
  units: ['string', ''],
  import: ['identifier', 'prefix! revision-date? ~description? ~reference?'],
  include: ['identifier', 'revision-date? ~description? ~reference?'],
  'belongs-to': ['identifier', 'prefix!'],
  revision: ['date', DOC],
  'revision-date': ['date', ''],
  extension: ['identifier', `argument? ${META}`],
  argument: ['identifier', 'yin-element?'],
  'yin-element': ['boolean', ''],
  identity: ['identifier', `~if-feature* ^base* ${META}`],
  base: ['identifier-ref', ''],
  feature: ['identifier', `if-feature* ${META}`],
  'if-feature': ['if-feature', ''],
  typedef: ['identifier', `type! units? default? ${META}`],
  type: [
    'identifier-ref',
    'fraction-digits? range? length? pattern* enum* bit* path? require-instance? ^base* type*',
  ],
  range: ['range', RESTRICTED],
  length: ['length', RESTRICTED],
  pattern: ['pattern', `~modifier? ${RESTRICTED}`],
  modifier: ['modifier', ''],
  enum: ['enum', `~if-feature* value? ${META}`],
  bit: ['identifier', `~if-feature* position? ${META}`],
  path: ['path', ''],
  'fraction-digits': ['fraction-digits', ''],
  'require-instance': ['boolean', ''],
  default: ['string', ''],
  value: ['integer', ''],
  position: ['non-negative', ''],
  status: ['status', ''],
  config: ['boolean', ''],
  mandatory: ['boolean', ''],
  presence: ['string', ''],
  'ordered-by': ['ordered-by', ''],
  'min-elements': ['non-negative', ''],
  'max-elements': ['max-elements', ''],
  'error-message': ['string', ''],
  'error-app-tag': ['string', ''],
  key: ['key', ''],
  unique: ['unique', ''],
  must: ['xpath', RESTRICTED],
  when: ['xpath', DOC],
  container: [
    'identifier',
    `when? if-feature* must* presence? config? ${META} ${SCOPED} ${DATA} ~action* ~notification*`,
  ],
  leaf: ['identifier', `when? if-feature* type! units? must* default? config? mandatory? ${META}`],
  'leaf-list': [
    'identifier',
    `when? if-feature* type! units? must* ~default* config? min-elements? max-elements? ordered-by? ${META}`,
  ],
  list: [
    'identifier',
    `when? if-feature* must* key? unique* config? min-elements? max-elements? ordered-by? ${META} ${SCOPED} ${DATA} ~action* ~notification*`,
  ],
  choice: [
    'identifier',
    `when? if-feature* default? config? mandatory? ${META} case* ~choice* container* leaf* leaf-list* list* ~anydata* anyxml*`,
  ],
  case: ['identifier', `when? if-feature* ${META} ${DATA}`],
  anydata: ['identifier', `when? if-feature* must* config? mandatory? ${META}`],
  anyxml: ['identifier', `when? if-feature* must* config? mandatory? ${META}`],
  grouping: ['identifier', `${META} ${SCOPED} ${DATA} ~action* ~notification*`],
  uses: ['identifier-ref', `when? if-feature* ${META} refine* augment*`],
  refine: [
    'descendant-path',
    `~if-feature* must* presence? ^default* config? mandatory? min-elements? max-elements? ${DOC}`,
  ],
  augment: ['augment-path', `when? if-feature* ${META} ${DATA} case* ~action* ~notification*`],
  rpc: ['identifier', `if-feature* ${META} ${SCOPED} input? output?`],
  action: ['identifier', `if-feature* ${META} ${SCOPED} input? output?`],
  input: ['none', `~must* ${SCOPED} ${DATA}`],
  output: ['none', `~must* ${SCOPED} ${DATA}`],
  notification: ['identifier', `if-feature* ~must* ${META} ${SCOPED} ${DATA}`],
  deviation: ['absolute-path', `${DOC} deviate+`],
  deviate: ['deviate', ''],
  'deviate not-supported': ['deviate', ''],
  'deviate add': [
    'deviate',
    'units? must* unique* ^default* config? mandatory? min-elements? max-elements?',
  ],
  'deviate delete': ['deviate', 'units? must* unique* ^default*'],
  'deviate replace': [
    'deviate',
    'type? units? default? config? mandatory? min-elements? max-elements?',
  ],
};

function parseChild(item: string): [string, ChildRule] {
  const mark = item.at(-1);
  const lead = item.startsWith('~') || item.startsWith('^') ? item[0] : '';
  const keyword = item.slice(lead!.length, -1);
  const since =
    lead === '~' ? 'yang-1.1' : lead === '^' ? 'repeated-in-yang-1.1' : ('anywhere' as const);
  return [
    keyword,
    {
      min: mark === '!' || mark === '+' ? 1 : 0,
      max: mark === '!' || mark === '?' ? 1 : Infinity,
      since,
    },
  ];
}

const TABLE: ReadonlyMap<string, StatementRule> = new Map(
  Object.entries(RULES).map(([keyword, [argument, children]]) => [
    keyword,
    { argument, children: new Map(children.split(' ').filter(Boolean).map(parseChild)) },
  ]),
);

/** The rule of a keyword; of `deviate`, that of its argument. Undefined for what YANG does not know. */
export function statementRule(keyword: string, argument?: string): StatementRule | undefined {
  if (keyword === 'deviate') return TABLE.get(`deviate ${argument ?? ''}`) ?? TABLE.get('deviate');
  return keyword.includes(' ') ? undefined : TABLE.get(keyword);
}

/** All keywords of YANG. */
export const KEYWORDS: readonly string[] = Object.keys(RULES).filter((key) => !key.includes(' '));

/** Keywords that define a data node or bring some in (data-def-stmt, RFC 7950 §14). */
export const DATA_DEFINITIONS: readonly string[] = DATA.split(' ').map((item) =>
  item.replace(/[~*]/g, ''),
);

/** The sections of a module or submodule, which must come in this order (RFC 7950 §7.1). */
export const SECTIONS: readonly (readonly string[])[] = [
  ['yang-version', 'namespace', 'prefix', 'belongs-to'],
  ['import', 'include'],
  ['organization', 'contact', 'description', 'reference'],
  ['revision'],
];
