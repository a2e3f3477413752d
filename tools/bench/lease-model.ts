import type { Model } from '../../src/model/ir/ir.ts';

/** The table of the benchmark: a DHCP server's leases. */
export const LEASE_MODEL: Model = {
  irVersion: 1,
  name: 'bench-leases',
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
        { name: 'client_id', path: 'client-id', type: 'bytea', notNull: false, group: 'binding' },
        {
          name: 'expire',
          path: 'expire',
          type: 'timestamp with time zone',
          notNull: false,
          group: 'binding',
        },
        { name: 'hostname', path: 'hostname', type: 'text', notNull: false, group: 'name' },
        { name: 'state', path: 'state', type: 'integer', notNull: false, group: 'binding' },
      ],
      key: ['address'],
      uniques: [],
      references: [],
      checks: [],
      groups: [
        {
          name: 'binding',
          stamp: '_crp_binding',
          columns: ['hwaddr', 'client_id', 'expire', 'state'],
          method: 'latest-timestamp',
        },
        { name: 'name', stamp: '_crp_name', columns: ['hostname'], method: 'latest-timestamp' },
      ],
    },
  ],
};

/** The same table as a service alone would make it. */
export const PLAIN_DDL = [
  'CREATE SCHEMA leases',
  `CREATE TABLE leases.lease (address bigint NOT NULL, hwaddr bytea, client_id bytea,
     expire timestamptz, hostname text, state integer, PRIMARY KEY (address))`,
  'CREATE PUBLICATION crp FOR TABLE leases.lease',
];

/** Rows that both sites have when a run begins. */
export function fillSql(rows: number): string {
  return `INSERT INTO leases.lease (address, hwaddr, client_id, expire, hostname, state)
    SELECT g, decode(lpad(to_hex(g), 12, '0'), 'hex'), decode('01' || lpad(to_hex(g), 12, '0'), 'hex'),
      timestamptz '2026-01-01 00:00:00+00', 'host-' || g, 0 FROM generate_series(1, ${rows}) AS g`;
}

/** One lease given or renewed; `address`, `mac` and `lifetime` are pgbench variables. */
export const UPSERT = `INSERT INTO leases.lease (address, hwaddr, client_id, expire, hostname, state)
VALUES (:address, decode(lpad(to_hex(:mac::bigint), 12, '0'), 'hex'),
  decode('01' || lpad(to_hex(:mac::bigint), 12, '0'), 'hex'),
  now() + :lifetime::integer * interval '1 second', 'host-' || :mac::bigint, 0)
ON CONFLICT (address) DO UPDATE SET hwaddr = excluded.hwaddr, client_id = excluded.client_id,
  expire = excluded.expire, hostname = excluded.hostname, state = excluded.state`;

/** One transaction that changes every row: all leases extended and renamed. */
export const BULK = `UPDATE leases.lease SET expire = expire + interval '1 hour',
  hostname = 'bulk-' || address, state = state + 1`;
