/** The functions of XPath 1.0 §4 and of YANG (RFC 7950 §10). */
import type { InstanceNode } from '../instance/tree.ts';
import { patternToRegExp } from '../pattern/render.ts';
import type { Identity } from '../schema-modules.ts';
import { findIdentity } from '../types/names.ts';
import type { Evaluation, Focus } from './evaluate.ts';
import type { XPathValue } from './values.ts';
import { nodeString, toBoolean, toNumber, toText } from './values.ts';

type XPathFunction = (values: XPathValue[], focus: Focus, evaluation: Evaluation) => XPathValue;

const nodesOf = (value: XPathValue | undefined): InstanceNode[] =>
  Array.isArray(value) ? value : [];

/** The argument, or the context node when there is none. */
const ownNodes = (values: XPathValue[], focus: Focus): InstanceNode[] =>
  values.length === 0 ? [focus.node] : nodesOf(values[0]);

const text = (values: XPathValue[], index: number): string => toText(values[index] ?? '');

const FUNCTIONS: Readonly<Record<string, XPathFunction>> = {
  last: (_, focus) => focus.size,
  position: (_, focus) => focus.position,
  count: ([nodes]) => nodesOf(nodes).length,
  id: () => [],
  'local-name': (values, focus) => ownNodes(values, focus)[0]?.schema?.name ?? '',
  'namespace-uri': (values, focus) => ownNodes(values, focus)[0]?.schema?.module.namespace ?? '',
  name: (values, focus) => qualifiedName(ownNodes(values, focus)[0]),
  string: (values, focus) => (values.length === 0 ? nodeString(focus.node) : text(values, 0)),
  concat: (values) => values.map(toText).join(''),
  'starts-with': (values) => text(values, 0).startsWith(text(values, 1)),
  contains: (values) => text(values, 0).includes(text(values, 1)),
  'substring-before': (values) => {
    const at = text(values, 0).indexOf(text(values, 1));
    return at < 0 ? '' : text(values, 0).slice(0, at);
  },
  'substring-after': (values) => {
    const at = text(values, 0).indexOf(text(values, 1));
    return at < 0 ? '' : text(values, 0).slice(at + text(values, 1).length);
  },
  substring: (values) => substring(values),
  'string-length': (values, focus) =>
    Array.from(values.length === 0 ? nodeString(focus.node) : text(values, 0)).length,
  'normalize-space': (values, focus) =>
    (values.length === 0 ? nodeString(focus.node) : text(values, 0))
      .split(/[ \t\r\n]+/)
      .filter((word) => word !== '')
      .join(' '),
  translate: (values) => translate(values),
  boolean: ([value]) => toBoolean(value ?? false),
  not: ([value]) => !toBoolean(value ?? false),
  true: () => true,
  false: () => false,
  lang: () => false,
  number: (values, focus) => (values.length === 0 ? toNumber([focus.node]) : toNumber(values[0]!)),
  sum: ([nodes]) => nodesOf(nodes).reduce((sum, node) => sum + toNumber(nodeString(node)), 0),
  floor: ([value]) => Math.floor(toNumber(value ?? NaN)),
  ceiling: ([value]) => Math.ceil(toNumber(value ?? NaN)),
  round: ([value]) => Math.round(toNumber(value ?? NaN)),
  current: (_, __, evaluation) => [evaluation.current],
  're-match': (values) => patternToRegExp(text(values, 1))?.test(text(values, 0)) ?? false,
  deref: ([nodes], _, evaluation) => evaluation.dereference(nodesOf(nodes)),
  'derived-from': (values, _, evaluation) => derived(values, { self: false, evaluation }),
  'derived-from-or-self': (values, _, evaluation) => derived(values, { self: true, evaluation }),
  'enum-value': ([nodes]) => enumValue(nodesOf(nodes)[0]),
  'bit-is-set': (values) => {
    const [node] = nodesOf(values[0]);
    const bits = node?.value?.type.base === 'bits' ? node.value.canonical.split(' ') : [];
    return bits.includes(text(values, 1));
  },
};

/** Calls a function that binding found to exist; an unknown one selects nothing. */
export function callFunction(
  name: string,
  values: XPathValue[],
  { focus, evaluation }: { focus: Focus; evaluation: Evaluation },
): XPathValue {
  const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  return called === undefined ? [] : called(values, focus, evaluation);
}

function qualifiedName(node: InstanceNode | undefined): string {
  return node?.schema === undefined ? '' : `${node.schema.module.prefix}:${node.schema.name}`;
}

/** Positions count from 1 and are rounded (XPath 1.0 §4.2). */
function substring(values: XPathValue[]): string {
  const start = Math.round(toNumber(values[1] ?? NaN));
  const length = values[2] === undefined ? Infinity : Math.round(toNumber(values[2]));
  return Array.from(text(values, 0))
    .filter((_, index) => index + 1 >= start && index + 1 < start + length)
    .join('');
}

function translate(values: XPathValue[]): string {
  const from = Array.from(text(values, 1));
  const to = Array.from(text(values, 2));
  return Array.from(text(values, 0))
    .map((character) => {
      const index = from.indexOf(character);
      return index < 0 ? character : (to[index] ?? '');
    })
    .join('');
}

function derived(
  values: XPathValue[],
  { self, evaluation }: { self: boolean; evaluation: Evaluation },
): boolean {
  const name = text(values, 1);
  const colon = name.indexOf(':');
  const module = evaluation.scope.resolve(colon < 0 ? undefined : name.slice(0, colon));
  const base: Identity | undefined = module && findIdentity(module, name.slice(colon + 1));
  if (base === undefined) return false;
  return nodesOf(values[0]).some(({ value }) => {
    const identity = value?.identity;
    if (identity === undefined) return false;
    return base.derived.includes(identity) || (self && identity === base);
  });
}

function enumValue(node: InstanceNode | undefined): number {
  if (node?.value?.type.base !== 'enumeration') return NaN;
  const { canonical, type } = node.value;
  return type.enums.find(({ name }) => name === canonical)?.value ?? NaN;
}
