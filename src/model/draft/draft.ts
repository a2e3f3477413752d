/** Entities while they are compiled: as the IR has them, with the schema nodes they come from. */
import type {
  ContainerNode,
  LeafListNode,
  LeafNode,
  ListNode,
  SchemaNode,
} from '../../yang/schema.ts';
import type { ExtensionInstance, Module } from '../../yang/schema-modules.ts';
import type { Span } from '../../yang/source.ts';
import { spanOf } from '../../yang/source.ts';
import type { ColumnType } from '../types/column-type.ts';
import type { Check, ColumnGroup, Reference, Unique } from '../ir/ir.ts';
import type { SqlName } from '../ir/names.ts';

export interface EntityDraft {
  name: string;
  /** Schema path without module names, `/dns/zone/rrset`. */
  path: string;
  node: ListNode;
  module: Module;
  /** Its `crp:entity`. */
  statement: ExtensionInstance;
  /** The nearest entity that this one is in. */
  parent: EntityDraft | undefined;
  table: SqlName;
  columns: ColumnDraft[];
  groups: ColumnGroup[];
  uniques: Unique[];
  references: Reference[];
  checks: Check[];
  counters: CounterDraft[];
  /** Belongs to the site: itself, or an entity around it, is crp:site-local. */
  local: boolean;
}

/** A leaf with `crp:escrow`. */
export interface CounterDraft {
  name: string;
  path: string;
  node: LeafNode;
  statement: ExtensionInstance;
  /** Canonical value of its bound; undefined when it has none, which was reported. */
  bound: string | undefined;
  /** Digits after the decimal point. */
  scale: number;
}

export interface ColumnDraft {
  name: string;
  /** Path below the entity; `../name` for the key of an entity around it. */
  path: string;
  /** The node whose value it is; a container: whether it is present. */
  node: LeafNode | LeafListNode | ContainerNode;
  type: ColumnType;
  /** Where the SQL type is not that of `type` (crp:sql-type). */
  sqlType?: string;
  notNull: boolean;
  default?: string;
  isKey: boolean;
  /** The entity around this one and its column, for inherited key columns. */
  inherited?: { entity: EntityDraft; column: string };
  /** The nodes between the entity and this one that may be absent, outermost first. */
  conditions: SchemaNode[];
  /** Belongs to the site: the node, or a container around it, is crp:site-local. */
  local: boolean;
  /** The expression of crp:derived. */
  derived?: string;
  secret: boolean;
}

/** Where a node is named in its file. */
export function nodeSpan(node: SchemaNode): Span {
  return spanOf(node.position, node.statement.keyword.length);
}

/** `container "soa"`, for messages. */
export function nodeTitle(node: SchemaNode): string {
  return `${node.kind} "${node.name}"`;
}

/** The column that holds a node's value in a row of the entity. */
export function columnOf(draft: EntityDraft, node: SchemaNode): ColumnDraft | undefined {
  return draft.columns.find((column) => column.node === node);
}

/** A description without its line breaks. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
