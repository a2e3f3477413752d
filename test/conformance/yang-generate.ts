/** Random documents made from a compiled schema: mostly valid, then changed in one place. */
import type { LeafListNode, LeafNode, SchemaContext, SchemaNode } from '../../src/yang/schema.ts';
import type { ResolvedType } from '../../src/yang/schema-types.ts';
import { namesOfData } from '../../src/yang/types/names.ts';
import { readText, toJson } from '../../src/yang/types/read.ts';
import type { JsonValue } from '../../src/yang/types/value.ts';

/** Numbers below `limit`, always the same for one seed (mulberry32). */
export function createRandom(start: number): (limit: number) => number {
  let state = start;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

export type Random = ReturnType<typeof createRandom>;

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)]!;
}

type JsonObject = { [member: string]: JsonValue };

/** Texts that satisfy the patterns of the usual types; the first that fits a leaf is taken. */
const TEXTS = [
  'a',
  'b',
  'abc',
  'example.net.',
  'example.net',
  '192.0.2.1',
  '2001:db8::1',
  '192.0.2.0/24',
  '2001:db8::/32',
  '2026-11-22T12:00:00Z',
  '01:23:45:67:89:ab',
  '6f1c1f3a-64bb-4f7e-9a55-1f0c6a1f8a01',
  'P30D',
  'PT5S',
  'EUR',
  '0',
  '1',
  '*',
  '#A1',
  '1.3.6.1',
  '$0$secret',
  'AAAA',
  'true',
  'fra',
  '0193b2c4d5e60001-0002',
];

export class Generator {
  readonly #context: SchemaContext;
  readonly #random: Random;

  constructor(context: SchemaContext, random: Random) {
    this.#context = context;
    this.#random = random;
  }

  document(): JsonObject {
    const result: JsonObject = {};
    for (const module of this.#context.modules) {
      for (const node of module.children) this.#add(result, { node, above: undefined });
    }
    return result;
  }

  #add(
    result: JsonObject,
    { node, above }: { node: SchemaNode; above: SchemaNode | undefined },
  ): void {
    if (
      !node.config ||
      node.kind === 'rpc' ||
      node.kind === 'notification' ||
      node.kind === 'action'
    )
      return;
    const mandatory = 'mandatory' in node && node.mandatory;
    const key = node.kind === 'leaf' && node.isKey;
    const plain = node.kind === 'container' && node.presence === undefined;
    if (!mandatory && !key && !plain && this.#random(3) === 0) return;
    if (node.kind === 'choice') {
      if (node.children.length === 0) return;
      const chosen = pick(this.#random, node.children);
      for (const child of chosen.children) this.#add(result, { node: child, above });
      return;
    }
    const value = this.#value(node);
    const name = node.module === above?.module ? node.name : `${node.module.name}:${node.name}`;
    if (value !== undefined) result[name] = value;
  }

  #value(node: SchemaNode): JsonValue | undefined {
    switch (node.kind) {
      case 'container':
        return this.#object(node);
      case 'list':
        return this.#entries(node.minElements, () => this.#object(node));
      case 'leaf':
        return this.#leaf(node, node.type);
      case 'leaf-list':
        return this.#entries(node.minElements, () => this.#leaf(node, node.type));
      case 'anydata':
      case 'anyxml':
        return { 'x:y': 1 };
      default:
        return undefined;
    }
  }

  #entries(min: number, make: () => JsonValue | undefined): JsonValue[] {
    const count = Math.max(min, 1 + this.#random(2));
    return Array.from({ length: count }, make).filter((value) => value !== undefined);
  }

  #object(node: SchemaNode): JsonObject {
    const result: JsonObject = {};
    for (const child of node.children) this.#add(result, { node: child, above: node });
    return result;
  }

  #leaf(node: LeafNode | LeafListNode, type: ResolvedType): JsonValue | undefined {
    if (type.base === 'leafref' && type.target !== undefined)
      return this.#leaf(node, type.target.type);
    if (type.base === 'union') return this.#leaf(node, pick(this.#random, type.members));
    const names = namesOfData((name) => this.#context.findModule(name), node.module);
    for (const text of this.#candidates(type)) {
      const read = readText(type, text, names);
      if (read.ok) return toJson(read.value);
    }
    return undefined;
  }

  #candidates(type: ResolvedType): string[] {
    switch (type.base) {
      case 'enumeration':
        return [pick(this.#random, type.enums).name];
      case 'bits':
        return [
          type.bits
            .filter(() => this.#random(2) === 0)
            .map(({ name }) => name)
            .join(' '),
        ];
      case 'identityref': {
        const derived = type.bases[0]?.derived ?? [];
        return derived.length === 0
          ? []
          : [pick(this.#random, derived)].map((one) => `${one.module}:${one.name}`);
      }
      case 'boolean':
        return [pick(this.#random, ['true', 'false'])];
      case 'empty':
        return [''];
      case 'binary':
        return ['AAAA', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='];
      case 'string':
      case 'instance-identifier': {
        const start = this.#random(TEXTS.length);
        return [...TEXTS.slice(start), ...TEXTS.slice(0, start)];
      }
      case 'decimal64':
        return [pick(this.#random, ['0.5', '1', '2.50', '-1.5']), '1'];
      default: {
        const intervals = 'range' in type ? type.range?.intervals : undefined;
        if (intervals === undefined) return [String(this.#random(100))];
        const { from, to } = pick(this.#random, intervals);
        return [String(this.#random(2) === 0 ? from : to)];
      }
    }
  }
}

const VALUES: readonly JsonValue[] = [
  true,
  0,
  -1,
  300,
  '',
  'x',
  '7',
  'example.org.',
  [],
  [null],
  {},
  ['a', 'a'],
];

/** Changes one place of a document: a value, a member left out, an entry doubled. */
export function mutateDocument(random: Random, document: JsonObject): void {
  let holder: JsonObject | JsonValue[] = document;
  for (;;) {
    const keys: string[] = Object.keys(holder);
    if (keys.length === 0) return;
    const key: string = pick(random, keys);
    const value: JsonValue | undefined = (holder as JsonObject)[key];
    if (typeof value === 'object' && value !== null && random(4) > 0) {
      holder = value;
      continue;
    }
    if (Array.isArray(holder)) {
      if (random(2) === 0 && value !== undefined) holder.push(structuredClone(value));
      else holder.splice(Number(key), 1);
    } else if (random(2) === 0) delete holder[key];
    else holder[key] = structuredClone(pick(random, VALUES));
    return;
  }
}
