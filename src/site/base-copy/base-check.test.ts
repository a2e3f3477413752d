import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEASES } from '../../../test/support/lease-model.ts';
import { checkHeader, requireTables } from './base-check.ts';
import type { BaseHeader } from './base-format.ts';

const HEADER: BaseHeader = {
  site: { name: 'a', number: 1, incarnation: 1 },
  ...{ position: '7', knowledge: [[2, '9']], floor: '0', models: [], members: [] },
  tables: [{ schema: 'leases', name: 'lease', columns: ['address'] }],
  sequences: [['leases.lease_id_seq', '12']],
};

test('numbers of a copy, which are written into SQL, are numbers', () => {
  assert.equal(checkHeader(HEADER), HEADER);
  const injected = '0); ALTER ROLE app SUPERUSER; --';
  const wrong: unknown[] = [
    ...[null, 'x', [], {}],
    ...[
      { ...HEADER, sequences: [['leases.lease_id_seq', injected]] },
      { ...HEADER, sequences: [['leases.lease_id_seq', 12]] },
      { ...HEADER, position: injected },
      { ...HEADER, floor: null },
      { ...HEADER, members: [{ name: 'b' }] },
      { ...HEADER, knowledge: [['2', '9']] },
      { ...HEADER, tables: [{ schema: 'leases', name: 'lease', columns: 'address' }] },
      { ...HEADER, tables: [null] },
    ],
  ];
  for (const header of wrong) {
    assert.throws(() => checkHeader(header), { code: 'LINK_PROTOCOL' }, JSON.stringify(header));
  }
});

test('a copy has tables of the models only', () => {
  const allowed = ['leases.lease', 'crp.lease_tombstone', 'crp.waiting', 'crp.orphan'];
  for (const text of [...allowed, 'crp.member', 'app.users', 'leases.other', 'pg_catalog.lease']) {
    const [schema = '', name = ''] = text.split('.');
    const check = (): void => requireTables([{ schema, name, columns: [] }], LEASES.entities);
    if (allowed.includes(text)) check();
    else assert.throws(check, { code: 'BASE_TABLES' }, text);
  }
});
