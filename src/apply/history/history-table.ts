import type { Client } from 'pg';
import type { Change, KeyState, Recorded, ReplayBase, RowVersion } from '../../merge/types.ts';
import { historyKeys, historyRead } from '../../sql/apply/history-apply.ts';
import { byKey } from '../rows/by-key.ts';
import type { NetRow } from '../fold/fold.ts';
import type { EntityPlan } from '../rows/relation.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import { TEXT_TYPES } from '../rows/arrays.ts';
import { slowTableName } from '../slow/slow-table.ts';
import type { SlowRow, SlowTable } from '../slow/slow-table.ts';

/** A key with the changes of it that arrived together, and what this site has of it. */
export interface KeyChanges {
  /** In the order in which their origin made them. */
  rows: SlowRow[];
  changes: Change[];
  state: KeyState;
  /** The newest stamp of the key's history; undefined without one. */
  newest: bigint | undefined;
  /** The same of those that this site made; 0n without one. */
  ownNewest: bigint;
}

/** What is recorded of a key. */
export interface StoredHistory {
  base?: ReplayBase;
  changes: Recorded[];
}

type Texts = (string | null)[];

/** Reads rows, tombstones and histories of keys that changes came for. */
export class HistoryTable {
  readonly #client: Client;
  readonly #slow: SlowTable;

  constructor(client: Client, slow: SlowTable) {
    this.#client = client;
    this.#slow = slow;
  }

  /**
   * Stages changes, locks the rows of their keys and reads what is known of them. The rows first: whoever
   * had one locked has recorded what he did when the lock is ours, and nobody writes it until we commit.
   */
  async read(plan: EntityPlan, codec: RowCodec, rows: readonly NetRow[]): Promise<KeyChanges[]> {
    const read = await this.#slow.read(plan, rows);
    const order = new Map(rows.map((row, index) => [row, index]));
    const byIndex = new Map(read.map((row) => [order.get(row.net)!, row]));
    const keys = new Map<number, KeyChanges>();
    const text = historyKeys(plan.shape, slowTableName(plan));
    const known = await byKey(this.#client, rows.length, () => this.#query(text));
    const sorted = known.toSorted((one, other) => Number(one[0]) - Number(other[0]));
    for (const [index, first, birth, stamp, newest, own] of sorted) {
      const row = byIndex.get(Number(index))!;
      const found = keys.get(Number(first)) ?? {
        ...{ rows: [], changes: [], newest: bigOf(newest), ownNewest: bigOf(own) ?? 0n },
        state: stateOf(codec, row, { birth: bigOf(birth), stamp: bigOf(stamp) }),
      };
      found.rows.push(row);
      found.changes.push(changeOf(codec, row));
      keys.set(Number(first), found);
    }
    return [...keys.values()];
  }

  /** The histories of keys that `read` returned last, in their order. */
  async histories(
    plan: EntityPlan,
    rows: readonly NetRow[],
    keys: readonly KeyChanges[],
  ): Promise<StoredHistory[]> {
    const order = new Map(rows.map((row, index) => [row, index]));
    const places = keys.map((key) => order.get(key.rows[0]!.net)!);
    const found = new Map<number, StoredHistory>(places.map((place) => [place, { changes: [] }]));
    const text = historyRead(plan.shape, slowTableName(plan));
    const read = await byKey(this.#client, rows.length, () => this.#query(text, [places]));
    for (const [place, ...columns] of read) {
      addStored(found.get(Number(place))!, columns);
    }
    return places.map((place) => found.get(place)!);
  }

  async #query(text: string, values: unknown[] = []): Promise<Texts[]> {
    const query = { text, values, rowMode: 'array' as const, types: TEXT_TYPES };
    return (await this.#client.query<Texts>(query)).rows;
  }
}

/** Adds a row of a history table, as `historyTexts` reads it. Rows come in the order of their stamps. */
export function addStored(history: StoredHistory, columns: readonly (string | null)[]): void {
  const [stamp, base, oldBirth, oldStamps, oldValues, birth, stamps, values, deadBirth, deadStamp] =
    columns;
  const before = versionOf(oldBirth, oldStamps, oldValues);
  const after = versionOf(birth, stamps, values);
  const dead = { birth: bigOf(deadBirth), stamp: bigOf(deadStamp) };
  const tombstone =
    dead.birth === undefined || dead.stamp === undefined
      ? undefined
      : { birth: dead.birth, stamp: dead.stamp };
  if (base === 'true') {
    history.base = {
      ...(after === undefined ? {} : { row: after }),
      ...(tombstone === undefined ? {} : { tombstone }),
      ...(before === undefined ? {} : { last: before }),
    };
    return;
  }
  const change = {
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(tombstone === undefined ? {} : { deleted: tombstone }),
  };
  history.changes.push({ change, stamp: BigInt(stamp!) });
}

type Maybe = string | null | undefined;

function bigOf(text: Maybe): bigint | undefined {
  return text === null || text === undefined ? undefined : BigInt(text);
}

function versionOf(birth: Maybe, stamps: Maybe, values: Maybe): RowVersion | undefined {
  if (typeof birth !== 'string' || typeof stamps !== 'string' || typeof values !== 'string') {
    return undefined;
  }
  return {
    birth: BigInt(birth),
    stamps: (JSON.parse(stamps) as string[]).map(BigInt),
    values: JSON.parse(values) as (string | null)[],
  };
}

function stateOf(
  codec: RowCodec,
  row: SlowRow,
  tombstone: { birth: bigint | undefined; stamp: bigint | undefined },
): KeyState {
  const { birth, stamp } = tombstone;
  return {
    ...(row.current === undefined ? {} : { row: codec.version(row.current) }),
    ...(birth === undefined || stamp === undefined ? {} : { tombstone: { birth, stamp } }),
  };
}

function changeOf(codec: RowCodec, row: SlowRow): Change {
  return {
    ...(row.before === undefined ? {} : { before: codec.version(row.before) }),
    ...(row.after === undefined ? {} : { after: codec.version(row.after) }),
    ...(row.net.deleted === undefined ? {} : { deleted: row.net.deleted }),
  };
}
