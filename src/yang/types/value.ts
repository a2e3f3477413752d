/** Values of leafs: checked against their types and put into canonical form (RFC 7950 §9, RFC 7951 §6). */
import type { Identity, Module } from '../schema-modules.ts';
import type { ResolvedType } from '../schema-types.ts';

/** A value that its type accepts. */
export interface Value {
  /** Canonical form; identities and instance paths are written with module names (RFC 7951 §6.8, §6.11). */
  canonical: string;
  /** The type that decides, which is never a union or leafref. */
  type: ResolvedType;
  identity?: Identity;
}

/** Why a value is refused, as the rest of a sentence that begins with the value. */
export interface ValueProblem {
  problem: string;
  errorMessage?: string | undefined;
  errorAppTag?: string | undefined;
}

export type ReadValue = { ok: true; value: Value } | ({ ok: false } & ValueProblem);

/** What names in identityrefs and instance-identifiers mean. */
export interface Names {
  /** The module of a prefix or module name; of a plain name when undefined. */
  resolve(prefix: string | undefined): Module | undefined;
  /** The text comes from a module: integers may be hexadecimal or octal (RFC 7950 §9.2.1). */
  schemaText: boolean;
  /** An identity switched off by `if-feature` counts as unknown, as one that never existed. */
  identity(module: Module, name: string): Identity | undefined;
}

export type JsonValue =
  null | boolean | number | string | JsonValue[] | { [member: string]: JsonValue };

export function accepted(type: ResolvedType, canonical: string): ReadValue {
  return { ok: true, value: { canonical, type } };
}

export function refused(problem: string, rest: Partial<ValueProblem> = {}): ReadValue {
  return { ok: false, problem, ...rest };
}
