import { withChange } from '../../src/merge/history.ts';
import { latestTombstone } from '../../src/merge/merge.ts';
import { stampOf } from '../../src/merge/stamps.ts';
import type { Change, RowVersion, Tombstone } from '../../src/merge/types.ts';
import type { Acknowledged, Write } from './ledger.ts';
import { simOf } from './model.ts';
import type { SimEntity } from './model.ts';
import type { ServiceContext, Statement } from './statement.ts';
import {
  beginMessage,
  commitMessage,
  deleteMessage,
  insertMessage,
  rowTuple,
  tombstoneTuple,
  updateMessage,
  updateNewMessage,
} from './wire.ts';
import { insertedValues, updatedValue, updateSet } from './written.ts';

/**
 * A transaction of a service, with what the triggers of src/sql/ddl/trigger-ddl.ts do: `zz_crp_stamp` before
 * insert and update, `zz_crp_tombstone` before delete. Its changes are the messages that a walsender makes
 * of its WAL: an update of a table with REPLICA IDENTITY FULL carries both rows, a tombstone comes right
 * before its delete and carries its new row only.
 */
export class ServiceTransaction {
  readonly #context: ServiceContext;
  readonly #messages: Buffer[] = [];
  readonly #writes: Write[] = [];
  readonly #now: bigint;

  constructor(context: ServiceContext) {
    this.#context = context;
    const floor = context.database.state.floor + 1n;
    this.#now = context.clock > floor ? context.clock : floor;
  }

  /** Commits; nothing is written to the WAL when no row was changed. */
  commit(xid: number): Acknowledged | undefined {
    if (this.#writes.length === 0) return undefined;
    const { database, site } = this.#context;
    const { state } = database;
    const position = database.log((lsn) => [
      ...[beginMessage(xid), ...this.#messages, commitMessage(lsn, lsn)],
    ]);
    const known = new Map(state.progress);
    const acknowledged = { site, position, known, writes: this.#writes };
    state.ledger.push(acknowledged);
    return acknowledged;
  }

  run(statement: Statement): void {
    const row = this.#row(statement);
    if (statement.op === 'insert') {
      if (row === undefined) this.#insert(statement);
    } else if (row === undefined) return;
    else if (statement.op === 'update') this.#update(statement, row);
    else if (statement.op === 'delete') this.#delete(statement, row);
    else this.#rekey(statement, row);
  }

  #entity(statement: Statement): SimEntity {
    return this.#context.model[statement.entity]!;
  }

  #id(statement: Statement, key = statement.key): string {
    return `${statement.entity}/${key}`;
  }

  #row(statement: Statement, key = statement.key): RowVersion | undefined {
    return this.#context.database.state.rows.get(this.#id(statement, key));
  }

  /** Above everything that is known of the key, if its history has to name each change by its stamp. */
  #aboveHistory(row: string): bigint[] {
    const { database, planted } = this.#context;
    const { state } = database;
    if (!this.#keepsHistory(row) || planted === 'stamp-below-history') return [];
    const version = state.rows.get(row);
    const changes = state.history.get(row)?.changes ?? [];
    return [
      ...(version === undefined ? [] : [version.birth, ...version.stamps]),
      ...changes.map(({ stamp }) => stamp),
    ];
  }

  #keepsHistory(row: string): boolean {
    return simOf(this.#context.model, row).entity.history !== undefined;
  }

  /** The trigger `zz_crp_history`, after each row. */
  #record(row: string, change: Change): void {
    if (!this.#keepsHistory(row) || this.#context.planted === 'unrecorded-local') return;
    const stamp = stampOf(change);
    if (stamp === undefined) return;
    const { history } = this.#context.database.state;
    history.set(row, withChange(history.get(row) ?? { changes: [] }, { change, stamp }));
  }

  #stamp(...above: bigint[]): bigint {
    let time = this.#now;
    for (const stamp of above) if (stamp >> 11n >= time) time = (stamp >> 11n) + 1n;
    return (time << 11n) | BigInt(this.#context.site);
  }

  #insert(statement: Statement): void {
    const { policy } = this.#entity(statement);
    const values = insertedValues(policy, statement.value, this.#context);
    const after = this.#born(statement, { key: statement.key, values, above: [] });
    const [table] = this.#entity(statement).relations;
    const tuple = rowTuple(this.#entity(statement), statement.key, { row: after });
    this.#messages.push(insertMessage(table!, tuple));
  }

  /** A new incarnation of the key: birth and all stamps are above its tombstone. */
  #born(
    statement: Statement,
    made: { key: number; values: RowVersion['values']; above: readonly bigint[] },
  ): RowVersion {
    const { key, values, above } = made;
    const { state } = this.#context.database;
    const row = this.#id(statement, key);
    const dead = state.tombstones.get(row)?.stamp ?? 0n;
    const old = this.#context.planted === 'old-insert-stamp';
    const birth = old ? this.#old() : this.#stamp(dead, ...above, ...this.#aboveHistory(row));
    const stamps = this.#entity(statement).policy.groups.map(() => birth);
    const after = { birth, stamps, values };
    state.rows.set(row, after);
    this.#record(row, { after });
    this.#writes.push({ kind: 'insert', row, after });
    return after;
  }

  #old(): bigint {
    return (this.#context.clock << 11n) | BigInt(this.#context.site);
  }

  #update(statement: Statement, before: RowVersion): void {
    const sim = this.#entity(statement);
    const after = { ...before, stamps: [...before.stamps], values: [...before.values] };
    const above = this.#aboveHistory(this.#id(statement));
    for (const [index, group] of sim.policy.groups.entries()) {
      if ((statement.groups & (1 << index)) === 0) continue;
      const stamp = this.#stamp(before.stamps[index]!, ...above);
      const number = statement.value;
      if (group.set !== undefined) {
        updateSet({ group, index, before, after, number, stamp }, this.#context);
        continue;
      }
      for (const place of group.columns) {
        const current = before.values[place]!;
        const next = updatedValue(sim.policy, { group, place, current, number }, this.#context);
        if (next === current) continue;
        after.values[place] = next;
        after.stamps[index] = stamp;
      }
    }
    const row = this.#id(statement);
    this.#context.database.state.rows.set(row, after);
    this.#message(statement, { before, after });
    this.#record(row, { before, after });
    // An UPDATE that changes no value is in the WAL too, but nothing was written.
    this.#writes.push({ kind: 'update', row, before, after });
  }

  #message(statement: Statement, rows: { before: RowVersion; after: RowVersion }): void {
    const sim = this.#entity(statement);
    const old = rowTuple(sim, statement.key, { row: rows.before });
    const key = statement.op === 'rekey' ? statement.to : statement.key;
    const next = rowTuple(sim, key, { row: rows.after, before: rows.before });
    this.#messages.push(updateMessage(sim.relations[0]!, old, next));
  }

  #delete(statement: Statement, before: RowVersion): void {
    const sim = this.#entity(statement);
    this.#bury(statement, before);
    const tuple = rowTuple(sim, statement.key, { row: before });
    this.#messages.push(deleteMessage(sim.relations[0]!, tuple));
  }

  /** Writes the tombstone and takes the row away. */
  #bury(statement: Statement, before: RowVersion): void {
    const { state } = this.#context.database;
    const row = this.#id(statement);
    const stamp = this.#stamp(before.birth, ...before.stamps, ...this.#aboveHistory(row));
    const birth = this.#context.planted === 'tombstone-without-birth' ? 0n : before.birth;
    const old = state.tombstones.get(row);
    const tombstone = latestTombstone(old, { birth, stamp })!;
    state.tombstones.set(row, tombstone);
    this.#tombstoneMessage(statement, old, tombstone);
    state.rows.delete(row);
    this.#record(row, { before, deleted: tombstone });
    this.#writes.push({ kind: 'delete', row, birth: before.birth, stamp, before });
  }

  #tombstoneMessage(statement: Statement, old: Tombstone | undefined, next: Tombstone): void {
    const relation = this.#entity(statement).relations[1]!;
    const tuple = tombstoneTuple(statement.key, next);
    this.#messages.push(
      old === undefined ? insertMessage(relation, tuple) : updateNewMessage(relation, tuple),
    );
  }

  /** An update of the key: a tombstone for the old one, a new incarnation of the new one. */
  #rekey(statement: Statement, before: RowVersion): void {
    if (statement.to === statement.key || this.#row(statement, statement.to) !== undefined) return;
    this.#bury(statement, before);
    const values = [...before.values];
    for (const { set, columns } of this.#entity(statement).policy.groups) {
      if (set !== undefined) values[columns[1]!] = null;
    }
    const after = this.#born(statement, {
      ...{ key: statement.to, values },
      above: [before.birth, ...before.stamps],
    });
    this.#message(statement, { before, after });
  }
}
