/** Types of leafs after resolution of their typedef chains (RFC 7950 §4.2.4, §7.3, §9). */
import type { Position } from './source.ts';
import type { BoundXPath, LeafListNode, LeafNode, Status } from './schema.ts';
import type { ExtensionInstance, Identity } from './schema-modules.ts';
import type { Statement } from './statement.ts';

export type IntegerBase =
  'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';

export type ResolvedType =
  | IntegerType
  | Decimal64Type
  | StringType
  | BinaryType
  | EnumerationType
  | BitsType
  | BooleanType
  | EmptyType
  | LeafrefType
  | IdentityrefType
  | InstanceIdentifierType
  | UnionType;

export type BaseType = ResolvedType['base'];

interface TypeCommon {
  /** The typedefs between this type and its built-in base, the outermost first; empty for a built-in. */
  typedefs: Typedef[];
  /** The `type` statement that was written at the leaf, typedef or union. */
  statement: Statement;
  position: Position;
  /** Extension statements written below this `type` statement. */
  extensions: ExtensionInstance[];
}

export interface Typedef {
  name: string;
  /** Name of the module that defines it. */
  module: string;
  position: Position;
  status: Status;
  units: string | undefined;
  default: string | undefined;
  description: string | undefined;
  reference: string | undefined;
  type: ResolvedType;
  extensions: ExtensionInstance[];
}

/** Integer types (RFC 7950 §9.2). */
export interface IntegerType extends TypeCommon {
  base: IntegerBase;
  /** Undefined when only the base type's own bounds hold. */
  range: Restriction | undefined;
}

/** decimal64 (RFC 7950 §9.3); intervals are in units of 10^-fractionDigits. */
export interface Decimal64Type extends TypeCommon {
  base: 'decimal64';
  fractionDigits: number;
  range: Restriction | undefined;
}

/** string (RFC 7950 §9.4); lengths are in Unicode characters. */
export interface StringType extends TypeCommon {
  base: 'string';
  length: Restriction | undefined;
  /** Of the whole typedef chain, the base's first; all of them hold. */
  patterns: Pattern[];
}

/** binary (RFC 7950 §9.8); lengths are in octets. */
export interface BinaryType extends TypeCommon {
  base: 'binary';
  length: Restriction | undefined;
}

/** enumeration (RFC 7950 §9.6). */
export interface EnumerationType extends TypeCommon {
  base: 'enumeration';
  enums: EnumValue[];
}

/** bits (RFC 7950 §9.7). */
export interface BitsType extends TypeCommon {
  base: 'bits';
  /** In the order of their positions, which is the canonical order of a value. */
  bits: Bit[];
}

/** boolean (RFC 7950 §9.5). */
export interface BooleanType extends TypeCommon {
  base: 'boolean';
}

/** empty (RFC 7950 §9.11). */
export interface EmptyType extends TypeCommon {
  base: 'empty';
}

/** leafref (RFC 7950 §9.9). */
export interface LeafrefType extends TypeCommon {
  base: 'leafref';
  path: BoundXPath;
  requireInstance: boolean;
  /** The leaf or leaf-list that the path leads to; undefined inside an unused typedef or on error. */
  target: LeafNode | LeafListNode | undefined;
}

/** identityref (RFC 7950 §9.10): a value must be derived from all of the bases. */
export interface IdentityrefType extends TypeCommon {
  base: 'identityref';
  bases: Identity[];
}

/** instance-identifier (RFC 7950 §9.13). */
export interface InstanceIdentifierType extends TypeCommon {
  base: 'instance-identifier';
  requireInstance: boolean;
}

/** union (RFC 7950 §9.12); the first member that fits decides. */
export interface UnionType extends TypeCommon {
  base: 'union';
  members: ResolvedType[];
}

/** The effective `range` or `length` of a type: disjoint intervals in ascending order. */
export interface Restriction {
  intervals: Interval[];
  /** The argument as written. */
  text: string;
  position: Position;
  errorMessage: string | undefined;
  errorAppTag: string | undefined;
  extensions: ExtensionInstance[];
}

/** Both bounds belong to the interval. */
export interface Interval {
  from: bigint;
  to: bigint;
}

/** A `pattern` (RFC 7950 §9.4.5), an XML Schema regular expression. */
export interface Pattern {
  text: string;
  /** The whole value must match this; anchored, to be used as it is. */
  regExp: RegExp;
  /** `modifier invert-match`: the value must not match. */
  invert: boolean;
  position: Position;
  errorMessage: string | undefined;
  errorAppTag: string | undefined;
  extensions: ExtensionInstance[];
}

export interface EnumValue {
  name: string;
  value: number;
  status: Status;
  description: string | undefined;
  position: Position;
  extensions: ExtensionInstance[];
}

export interface Bit {
  name: string;
  /** Argument of `position`. */
  bitPosition: number;
  status: Status;
  description: string | undefined;
  position: Position;
  extensions: ExtensionInstance[];
}
