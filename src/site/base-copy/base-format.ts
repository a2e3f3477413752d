import { hiddenColumns } from '../../model/ir/ir.ts';
import type { Entity } from '../../model/ir/ir.ts';

/*
 * A base copy as it travels: frames (src/link/frames.ts) with these kinds, in this order:
 *
 *   header  JSON, `BaseHeader`
 *   then for every table of the header: data…  (COPY BINARY, cut anywhere), end (JSON, `BaseTableEnd`)
 *   done    nothing, or of a part of the data (JSON) `BasePartEnd`; without it the copy is not whole
 */

export const BASE_FRAME = { header: 0x48, data: 0x64, end: 0x65, done: 0x7a } as const;

/** What a base copy says of itself. Positions are decimal texts (ARCHITECTURE.md §2). */
export interface BaseHeader {
  /**
   * The site that gives the copy, and its own position: the copy has exactly what is up to there. Of a whole copy it
   * is the position of a transaction (base-position.ts).
   */
  site: { name: string; number: number; incarnation: number };
  position: string;
  /** What the copy has of other origins. */
  knowledge: [origin: number, position: string][];
  /** Local writes at the new site are stamped after this; µs since 2020-01-01. */
  floor: string;
  models: { ir: unknown; hash: string }[];
  members: unknown[];
  tables: BaseTable[];
  /** Last values of the sequences that adopted tables take values from, by `schema.name`. */
  sequences: [name: string, last: string][];
}

export interface BaseTable {
  schema: string;
  name: string;
  columns: string[];
  /** Only rows in which one of these stamps is not 0. */
  stamped?: string[];
  /** Only rows of this entity. */
  of?: string;
}

/** The tables of what waits, with the types of the columns that belong to a site's state. */
export const WAITING_TABLES = {
  waiting: { entity: 'text', key: 'jsonb', row: 'jsonb', base: 'jsonb', reason: 'text' },
  orphan: {
    ...{ entity: 'text', reference: 'text', key: 'jsonb', parent_row: 'jsonb', deleted: 'bigint' },
  },
} as const;

/** The SQL type of a column of an entity's table, hidden ones too; undefined if there is none of the name. */
export function columnType(entity: Entity, name: string): string | undefined {
  const columns = [...entity.columns, ...hiddenColumns(entity)];
  return columns.find((column) => column.name === name)?.type;
}

/** What a site asks for that gets a model, or a later revision of one, and has the rest already. */
export interface BasePart {
  model: string;
  hash: string;
  parts: EntityPart[];
  /** Whether it takes what waits, too; sites of earlier builds do not. */
  waiting?: boolean;
  /** Of entities whose rows expire it takes whole rows with new groups; sites of earlier builds do not. */
  whole?: boolean;
}

/** An entity that is new with its tombstones, or of one that is there the column groups that are new. */
export interface EntityPart {
  entity: string;
  groups?: string[];
}

export interface BasePartEnd {
  /** The giving site's journal has all of its own changes up to the copy's position when it is this long. */
  journal: string;
}

export interface BaseTableEnd {
  rows: number;
  bytes: number;
  /** SHA-256 of the table's data frames. */
  sha256: string;
}
