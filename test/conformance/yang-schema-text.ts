/**
 * A schema as lines of text that can be compared: one line for each node and each of its properties, the
 * same for our compiled schema and for what `yanglint -f info` prints.
 */
import type { Must, SchemaNode, When } from '../../src/yang/schema.ts';
import type { ResolvedType } from '../../src/yang/schema-types.ts';
import type { Module } from '../../src/yang/schema-modules.ts';

/** Lines of a module's identities and nodes. */
export function describeModule(module: Module): string[] {
  const identities = module.identities.map(
    (identity) =>
      `identity ${identity.name}: ${sorted(
        identity.derived.filter((one) => one.bases.includes(identity)).map((one) => one.name),
      )}`,
  );
  return [...identities.sort(), ...module.children.flatMap((node) => describeNode(node, ''))];
}

/** Names in an order of their own. */
export function sorted(names: readonly string[]): string {
  return [...names].sort().join(' ');
}

function describeNode(node: SchemaNode, above: string): string[] {
  const path = `${above}/${node.name}`;
  if ((node.kind === 'input' || node.kind === 'output') && node.children.length === 0) return [];
  const properties = propertiesOf(node).sort();
  return [
    `${path} ${node.kind}`,
    ...properties.map((property) => `${path} | ${property}`),
    ...node.children.flatMap((child) => describeNode(child, path)),
  ];
}

function propertiesOf(node: SchemaNode): string[] {
  const found: string[] = node.whens.map(describeCondition);
  if (node.kind === 'input' || node.kind === 'output') return found;
  found.push(`status ${node.status}`);
  const operation = node.kind === 'rpc' || node.kind === 'action' || node.kind === 'notification';
  if (node.realm === 'data' && !operation) found.push(`config ${node.config}`);
  if ('musts' in node) found.push(...node.musts.map(describeCondition));
  if ('mandatory' in node && node.mandatory) found.push('mandatory true');
  if (node.kind === 'container' && node.presence !== undefined) found.push('presence');
  if (node.kind === 'choice' && node.defaultCase !== undefined) {
    found.push(`default ${node.defaultCase.name}`);
  }
  found.push(...propertiesOfLists(node), ...propertiesOfLeafs(node));
  return found;
}

function propertiesOfLists(node: SchemaNode): string[] {
  if (node.kind !== 'list' && node.kind !== 'leaf-list') return [];
  const { minElements, maxElements } = node;
  const max = maxElements === 'unbounded' ? 4294967295 : maxElements;
  const found = [`min-elements ${minElements}`, `max-elements ${max}`];
  // The order of state data is up to the server (RFC 7950 §7.7.7).
  if (node.config && node.realm === 'data') found.push(`ordered-by ${node.orderedBy}`);
  if (node.kind === 'leaf-list') return found;
  if (node.key !== undefined) found.push(`key ${node.key.leafs.map((leaf) => leaf.name).join('')}`);
  const uniques = node.uniques.map(
    (unique) => `unique ${unique.leafs.map((leaf) => leaf.name).join('')}`,
  );
  return [...found, ...uniques];
}

function propertiesOfLeafs(node: SchemaNode): string[] {
  if (node.kind !== 'leaf' && node.kind !== 'leaf-list') return [];
  const found = [`type ${describeType(node.type)}`];
  if (node.units !== undefined) found.push(`units ${node.units}`);
  const defaults = node.kind === 'leaf' ? [node.default] : node.defaults;
  for (const value of defaults) if (value !== undefined) found.push(`default ${value.canonical}`);
  return found;
}

function describeCondition(condition: Must | When): string {
  const { xpath } = condition;
  if (!('errorMessage' in condition)) return `when ${xpath.text}`;
  return `must ${xpath.text}${describeError(condition)}`;
}

function describeError(found: {
  errorMessage: string | undefined;
  errorAppTag: string | undefined;
}): string {
  const message = found.errorMessage === undefined ? '' : ` error-message ${found.errorMessage}`;
  return message + (found.errorAppTag === undefined ? '' : ` error-app-tag ${found.errorAppTag}`);
}

/** A type with everything that restricts it, members of nested unions in one row. */
function describeType(type: ResolvedType): string {
  return `${type.base}${describeRestrictions(type)}`;
}

function describeRestrictions(type: ResolvedType): string {
  switch (type.base) {
    case 'boolean':
    case 'empty':
      return '';
    case 'decimal64':
      return `(fraction-digits ${type.fractionDigits}${describeBounds('range', type.range)})`;
    case 'string':
      return `(${describeBounds('length', type.length)}${type.patterns.map(describePattern).join('')})`;
    case 'binary':
      return `(${describeBounds('length', type.length)})`;
    case 'enumeration': {
      const enums = [...type.enums].sort((one, other) => one.value - other.value);
      return `(${enums.map(({ name, value, status }) => `${name}=${value}${old(status)}`).join(',')})`;
    }
    case 'bits':
      return `(${type.bits.map(({ name, bitPosition, status }) => `${name}=${bitPosition}${old(status)}`).join(',')})`;
    case 'leafref': {
      const target = type.target === undefined ? '' : describeType(realType(type));
      return `(path ${type.path.text} require-instance ${type.requireInstance} ${target})`;
    }
    case 'identityref':
      return `(${sorted(type.bases.map((base) => base.name))})`;
    case 'instance-identifier':
      return `(require-instance ${type.requireInstance})`;
    case 'union':
      return `(${membersOf(type).map(describeType).join(', ')})`;
    default:
      return `(${describeBounds('range', type.range)})`;
  }
}

/** The type at the end of a chain of leafrefs. */
function realType(type: ResolvedType): ResolvedType {
  return type.base === 'leafref' && type.target !== undefined ? realType(type.target.type) : type;
}

function old(status: string): string {
  return status === 'current' ? '' : ` ${status}`;
}

function membersOf(type: ResolvedType): ResolvedType[] {
  return type.base === 'union' ? type.members.flatMap(membersOf) : [type];
}

function describeBounds(
  keyword: string,
  restriction: Extract<ResolvedType, { base: 'binary' }>['length'],
): string {
  if (restriction === undefined) return '';
  const parts = restriction.intervals.map(({ from, to }) =>
    from === to ? `${from}` : `${from}..${to}`,
  );
  return ` ${keyword} ${parts.join(' | ')}${describeError(restriction)}`;
}

function describePattern(
  pattern: Extract<ResolvedType, { base: 'string' }>['patterns'][number],
): string {
  return ` pattern ${pattern.text}${pattern.invert ? ' invert-match' : ''}${describeError(pattern)}`;
}
