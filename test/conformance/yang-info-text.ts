/** What `yanglint -f info` prints, as the lines of `yang-schema-text.ts`. */
import assert from 'node:assert/strict';
import type { Statement } from '../../src/yang/statement.ts';
import { findSubstatements, substatementArgument } from '../../src/yang/statement.ts';
import { parseSource } from '../../src/yang/syntax/parser.ts';
import { sorted } from './yang-schema-text.ts';

/** Lines of each module in the output, by its name. */
export function describeInfo(output: string): Map<string, string[]> {
  // libyang 2.1.30 leaves out the closing quote of every "unique".
  const text = output.replace(/^(\s*unique "[^"\n]*);$/gm, '$1";');
  const modules = text.split(/^(?=module )/m).filter((part) => part.startsWith('module '));
  return new Map(
    modules.map((part) => {
      const { root, diagnostics } = parseSource({ name: 'info', text: part });
      assert.deepEqual(
        diagnostics.filter((found) => found.severity === 'error' && found.code !== 'bad-escape'),
        [],
      );
      return [root!.argument!, describeRoot(root!)];
    }),
  );
}

function describeRoot(root: Statement): string[] {
  const identities = findSubstatements(root, 'identity').map((identity) => {
    const derived = findSubstatements(identity, 'derived').flatMap(
      (statement) =>
        statement.argument?.split(/[, ]+/).map((name) => name.replace(/^.*:/, '')) ?? [],
    );
    return `identity ${identity.argument}: ${sorted(derived)}`;
  });
  return [...identities.sort(), ...nodesIn(root).flatMap((node) => describeNode(node, ''))];
}

const NODES = [
  'container',
  'list',
  'leaf',
  'leaf-list',
  'choice',
  'case',
  'anydata',
  'anyxml',
  'rpc',
  'action',
  'input',
  'output',
  'notification',
];

function nodesIn(statement: Statement): Statement[] {
  return statement.substatements.filter((child) => NODES.includes(child.keyword));
}

function describeNode(node: Statement, above: string): string[] {
  const path = `${above}/${node.argument ?? node.keyword}`;
  const state = substatementArgument(node, 'config') !== 'true';
  const properties = node.substatements
    .filter((child) => !NODES.includes(child.keyword) && child.prefix === undefined)
    .filter((child) => !(state && child.keyword === 'ordered-by'))
    .flatMap(describeProperty)
    .sort();
  return [
    `${path} ${node.keyword}`,
    ...properties.map((property) => `${path} | ${property}`),
    ...nodesIn(node).flatMap((child) => describeNode(child, path)),
  ];
}

function describeProperty(statement: Statement): string[] {
  const { keyword, argument = '' } = statement;
  switch (keyword) {
    case 'description':
    case 'reference':
      return [];
    case 'presence':
      return ['presence'];
    case 'mandatory':
      return argument === 'true' ? ['mandatory true'] : [];
    case 'key':
    case 'unique':
      return [`${keyword} ${argument.replace(/[, ]/g, '')}`];
    case 'type':
      return [`type ${describeType(statement)}`];
    case 'must':
      return [`must ${argument}${describeError(statement)}`];
    default:
      return [`${keyword} ${argument}`];
  }
}

function describeError(statement: Statement): string {
  return ['error-message', 'error-app-tag']
    .map((keyword) => ({ keyword, text: substatementArgument(statement, keyword) }))
    .map(({ keyword, text }) => (text === undefined ? '' : ` ${keyword} ${text}`))
    .join('');
}

function describeType(type: Statement): string {
  const name = type.argument ?? '';
  const bound = (keyword: string): string =>
    findSubstatements(type, keyword)
      .map((found) => ` ${keyword} ${found.argument}${describeError(found)}`)
      .join('');
  const value = (keyword: string): string => substatementArgument(type, keyword) ?? '';
  switch (name) {
    case 'boolean':
    case 'empty':
      return name;
    case 'decimal64':
      return `${name}(fraction-digits ${value('fraction-digits')}${bound('range')})`;
    case 'string':
    case 'binary':
      return `${name}(${bound('length')}${findSubstatements(type, 'pattern').map(describePattern).join('')})`;
    case 'enumeration':
      return `${name}(${describeMembers(type, { kind: 'enum', number: 'value' })})`;
    case 'bits':
      return `${name}(${describeMembers(type, { kind: 'bit', number: 'position' })})`;
    case 'leafref': {
      const [target] = findSubstatements(type, 'type').map(describeType);
      return `${name}(path ${value('path')} require-instance ${value('require-instance')} ${target})`;
    }
    case 'identityref':
      return `${name}(${sorted(findSubstatements(type, 'base').map((base) => base.argument!))})`;
    case 'instance-identifier':
      return `${name}(require-instance ${value('require-instance')})`;
    case 'union':
      return `${name}(${findSubstatements(type, 'type').map(describeType).join(', ')})`;
    default:
      return `${name}(${bound('range')})`;
  }
}

function describeMembers(type: Statement, names: { kind: string; number: string }): string {
  return findSubstatements(type, names.kind)
    .map((member) => ({
      name: member.argument,
      number: Number(substatementArgument(member, names.number)),
      status: substatementArgument(member, 'status') ?? 'current',
    }))
    .sort((one, other) => one.number - other.number)
    .map(
      ({ name, number, status }) => `${name}=${number}${status === 'current' ? '' : ` ${status}`}`,
    )
    .join(',');
}

function describePattern(pattern: Statement): string {
  const invert = substatementArgument(pattern, 'modifier') === undefined ? '' : ' invert-match';
  return ` pattern ${pattern.argument}${invert}${describeError(pattern)}`;
}
