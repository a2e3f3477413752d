import type { LeafNode, ListNode, SchemaNode } from '../schema.ts';
import type { Span } from '../source.ts';
import { argumentSlice, argumentSpan, keywordSpan } from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import type { Draft } from './draft.ts';
import { propertyOf } from './draft.ts';
import { extensionsIn } from './extensions.ts';
import type { Session } from './session.ts';
import { isOlder } from './status.ts';
import type { ScopedStatement } from './unit.ts';
import { splitName } from './unit.ts';

/** Resolves `key` and `unique` of a list whose children are finished (RFC 7950 §7.8.2, §7.8.3). */
export function finishList(session: Session, list: ListNode, draft: Draft): void {
  const key = propertyOf(draft, 'key');
  if (key !== undefined) resolveKey(session, list, key);
  else if (list.config && list.realm === 'data' && !session.inGrouping) {
    const problem = `list "${list.name}" has no key`;
    const hint = 'Add a "key", or "config false" for a list of state data';
    session.reporter.report('bad-key', keywordSpan(draft.statement), { problem }, { hint });
  }
  for (const unique of draft.properties.get('unique') ?? []) resolveUnique(session, list, unique);
}

/** The words of an argument with their offsets. */
function wordsOf(text: string): { text: string; offset: number; length: number }[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({
    text: match[0],
    offset: match.index,
    length: match[0].length,
  }));
}

function resolveKey(session: Session, list: ListNode, { statement, scope }: ScopedStatement): void {
  const leafs: LeafNode[] = [];
  for (const word of wordsOf(statement.argument ?? '')) {
    const span = argumentSlice(statement, word);
    const leaf = keyLeaf(session, list, { name: splitName(word.text).name, span });
    if (leaf === undefined) continue;
    if (leafs.includes(leaf)) {
      const problem = `"${word.text}" stands twice in the key`;
      session.reporter.report('bad-key', span, { problem });
    } else leafs.push(leaf);
    checkStatus(session, list, { leaf, span });
    leaf.isKey = true;
  }
  list.key = {
    leafs,
    position: statement.position,
    statement,
    extensions: extensionsIn(session, statement, scope),
  };
}

/** A list cannot rely on a leaf that is more obsolete than itself (RFC 7950 §7.21.2). */
function checkStatus(
  session: Session,
  list: ListNode,
  { leaf, span }: { leaf: LeafNode; span: Span },
): void {
  if (!isOlder(leaf.status, list.status)) return;
  session.reporter.report('status-reference', span, {
    from: `list "${list.name}"`,
    status: list.status,
    to: `leaf "${leaf.name}"`,
    toStatus: leaf.status,
  });
}

function keyLeaf(
  session: Session,
  list: ListNode,
  { name, span }: { name: string; span: Span },
): LeafNode | undefined {
  const child = list.children.find((other) => other.name === name && other.module === list.module);
  if (child === undefined) {
    const off = session.switchedOff.get(list)?.has(`${list.module.name}:${name}`);
    const problem = off
      ? `key "${name}" is switched off by "if-feature"`
      : `list "${list.name}" has no leaf "${name}"`;
    const leafs = list.children.filter((other) => other.kind === 'leaf').map((leaf) => leaf.name);
    const hint =
      didYouMean(name, leafs) ?? (off ? undefined : `Add "leaf ${name} { … }" to the list`);
    session.reporter.report('bad-key', span, { problem }, { hint });
    return undefined;
  }
  const problem = keyProblem(child, list);
  if (problem !== undefined) {
    const related = [{ message: `"${name}" is defined here`, position: child.position }];
    session.reporter.report('bad-key', span, { problem }, { related });
  }
  return child.kind === 'leaf' ? child : undefined;
}

function keyProblem(child: SchemaNode, list: ListNode): string | undefined {
  const { name } = child;
  if (child.kind !== 'leaf') return `key "${name}" is a ${child.kind}, not a leaf`;
  if (child.config !== list.config) {
    return `key "${name}" must have the same "config" as its list`;
  }
  if (child.type.base === 'empty' && list.module.yangVersion === '1') {
    return `key "${name}" cannot be of type empty in YANG 1`;
  }
  const conditional = child.statement.substatements.some((sub) =>
    ['when', 'if-feature'].includes(sub.keyword),
  );
  return conditional && list.module.yangVersion === '1.1'
    ? `key "${name}" cannot have "when" or "if-feature"`
    : undefined;
}

function resolveUnique(session: Session, list: ListNode, unique: ScopedStatement): void {
  const { statement, scope } = unique;
  const leafs: LeafNode[] = [];
  for (const word of wordsOf(statement.argument ?? '')) {
    const leaf = uniqueLeaf(session, list, { unique, word });
    if (leaf === undefined) continue;
    const span = argumentSlice(statement, word);
    const [first] = leafs;
    if (leafs.includes(leaf)) {
      const problem = `"${word.text}" stands twice in "unique"`;
      session.reporter.report('bad-unique', span, { problem });
    } else if (first !== undefined && first.config !== leaf.config) {
      const problem = `"${word.text}" and "${first.name}" are not both configuration or both state`;
      session.reporter.report('bad-unique', span, { problem });
    }
    checkStatus(session, list, { leaf, span });
    leafs.push(leaf);
  }
  list.uniques.push({
    leafs,
    text: statement.argument ?? '',
    position: statement.position,
    statement,
    extensions: extensionsIn(session, statement, scope),
  });
}

function uniqueLeaf(
  session: Session,
  list: ListNode,
  { unique, word }: { unique: ScopedStatement; word: { text: string; offset: number } },
): LeafNode | undefined {
  let node: SchemaNode = list;
  let { offset } = word;
  for (const text of word.text.split('/')) {
    const span = argumentSlice(unique.statement, { offset, length: text.length });
    offset += text.length + 1;
    const { prefix, name } = splitName(text);
    const named = unique.scope.prefixes.resolve(prefix);
    const module = named === unique.scope.prefixes.module ? list.module : named;
    const below: SchemaNode[] = node.children;
    const child = below.find((other) => other.name === name && other.module === module);
    const problem =
      child === undefined
        ? `there is no "${text}" in ${node.kind} "${node.name}"`
        : child.kind === 'list'
          ? `"${text}" is a list: "unique" cannot reach into it`
          : undefined;
    if (problem !== undefined) {
      const hint = didYouMean(
        name,
        below.map((other) => other.name),
      );
      session.reporter.report('bad-unique', span, { problem }, { hint });
      return undefined;
    }
    node = child!;
  }
  if (node.kind === 'leaf') return node;
  const problem = `"${word.text}" is a ${node.kind}, not a leaf`;
  session.reporter.report('bad-unique', argumentSpan(unique.statement), { problem });
  return undefined;
}
