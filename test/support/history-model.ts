import type { Entity, Model } from '../../src/model/ir/ir.ts';
import type { OrderedMethod } from '../../src/model/ir/ir-resolution.ts';

/** Entities with one value each, whose rows need their history, by what is special about them. */
const ENTITIES: Record<string, { methods: OrderedMethod[]; rest?: Partial<Entity> }> = {
  early: { methods: [{ method: 'earliest-timestamp' }] },
  discard: { methods: [{ method: 'discard' }] },
  average: { methods: [{ method: 'average' }] },
  priority: { methods: [{ method: 'site-priority', sites: ['site2', 'two', 'site1', 'one'] }] },
  owner: { methods: [{ method: 'owner-wins' }, { method: 'average' }] },
  function: {
    methods: [{ method: 'sql-function', function: { schema: 'public', name: 'pick' } }],
  },
  park: { methods: [{ method: 'park' }] },
  update: { methods: [{ method: 'latest-timestamp' }], rest: { onDeleteUpdate: 'update' } },
  latest: { methods: [{ method: 'latest-timestamp' }], rest: { onDeleteUpdate: 'latest' } },
  parked: { methods: [{ method: 'latest-timestamp' }], rest: { onDeleteUpdate: 'park' } },
  first: { methods: [{ method: 'discard' }], rest: { onKeyClash: 'earliest' } },
  merged: { methods: [{ method: 'average' }], rest: { onKeyClash: 'merge' } },
};

/** A model of those entities: tables `test.early(id, v, note)`, …; `note` is of the group `note`. */
export function historyModel(): Model {
  return {
    ...{ irVersion: 1, name: 'test-history', revision: '2026-11-25', service: 'test' },
    schema: 'test',
    entities: Object.entries(ENTITIES).map(([name, { methods, rest }]) =>
      entity(name, methods, rest),
    ),
  };
}

function entity(name: string, methods: OrderedMethod[], rest: Partial<Entity> = {}): Entity {
  const note = { name: 'note', path: 'note', type: 'text', notNull: false, group: 'note' };
  return {
    ...{ name, path: `/${name}`, table: { schema: 'test', name } },
    ...{ tombstone: `${name}_tombstone`, history: `${name}_history` },
    columns: [
      { name: 'id', path: 'id', type: 'integer', notNull: true },
      { name: 'v', path: 'v', type: 'integer', notNull: false, group: 'v' },
      note,
    ],
    ...{ key: ['id'], uniques: [], references: [], checks: [] },
    groups: [
      { name: 'v', stamp: '_crp_v', columns: ['v'], method: 'ordered', methods },
      { name: 'note', stamp: '_crp_note', columns: ['note'], method: 'latest-timestamp' },
    ],
    ...rest,
  };
}

/**
 * The function that the entity `function` asks: the greatest of three; it cannot decide between values that
 * sum up to 100, and fails for a value of 13.
 */
export const PICK = `CREATE OR REPLACE FUNCTION public.pick(base integer, current integer, incoming integer)
  RETURNS integer LANGUAGE sql IMMUTABLE AS
  'SELECT CASE WHEN current + incoming = 100 THEN NULL
     ELSE greatest(base, current, incoming) + 0 / (incoming - 13) END'`;
