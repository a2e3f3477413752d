import type { Model } from '../../src/model/ir/ir.ts';

/** A model of one entity with two column groups and a counter, written by hand. */
export const LEASES: Model = {
  irVersion: 1,
  name: 'test-leases',
  revision: '2026-11-24',
  service: 'dhcp',
  schema: 'leases',
  entities: [
    {
      name: 'lease',
      path: '/leases/lease',
      table: { schema: 'leases', name: 'lease' },
      tombstone: 'lease_tombstone',
      columns: [
        { name: 'address', path: 'address', type: 'bigint', notNull: true },
        { name: 'hwaddr', path: 'hwaddr', type: 'bytea', notNull: false, group: 'binding' },
        { name: 'hostname', path: 'hostname', type: 'text', notNull: false, group: 'name' },
        { name: 'note', path: 'note', type: 'text', notNull: false, group: 'name' },
        {
          name: 'renewals',
          path: 'renewals',
          type: 'bigint',
          notNull: true,
          default: '0',
          group: 'count',
        },
      ],
      key: ['address'],
      uniques: [],
      references: [],
      checks: [{ name: 'lease_address_check', expression: 'address > 0' }],
      groups: [
        { name: 'binding', stamp: '_crp_binding', columns: ['hwaddr'], method: 'latest-timestamp' },
        {
          name: 'name',
          stamp: '_crp_name',
          columns: ['hostname', 'note'],
          method: 'latest-timestamp',
        },
        { name: 'count', stamp: '_crp_count', columns: ['renewals'], method: 'additive' },
      ],
    },
  ],
};
