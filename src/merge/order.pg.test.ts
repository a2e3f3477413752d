import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { startServer } from '../../test/support/server.ts';
import type { TestServer } from '../../test/support/server.ts';
import { bestValue } from './order.ts';
import type { ColumnOrder } from '../model/groups/column-order.ts';
import { connect } from '../postgres/connect.ts';
import { bestOf } from '../sql/names/best-value.ts';

let server: TestServer;
let sql: Client;

before(async () => {
  server = await startServer(18);
  sql = await connect(server.dsn('postgres'), 'test');
  await sql.query(`SET TimeZone = 'UTC'; SET DateStyle = 'ISO'`);
});

after(async () => {
  await sql?.end();
  await server?.remove();
});

const up = (kind: 'number' | 'float' | 'text' | 'boolean' | 'time'): ColumnOrder => ({
  ...{ kind, least: false },
});

const VALUES: [type: string, order: ColumnOrder, values: (string | null)[]][] = [
  ['bigint', up('number'), [null, '0', '-1', '9223372036854775807', '10', '9']],
  ['integer', { kind: 'number', least: true }, [null, '0', '-1', '7']],
  ['numeric', up('number'), [null, '0.5', '-0.51', '12345678901234567890.1', 'NaN', 'Infinity']],
  ['double precision', up('float'), [null, '1e+20', '-Infinity', 'NaN', '0.1', '-3']],
  ['text', up('text'), [null, '', 'a', 'B', 'ä', 'z', '\uffee', '😀', 'aa']],
  ['boolean', up('boolean'), [null, 'true', 'false']],
  [
    ...(['timestamp with time zone', up('time')] as const),
    [null, '2026-01-01 00:00:00+00', '2026-01-01 00:00:00.5+00', '2026-01-01 00:00:00.25+00'],
  ],
  ['date', up('time'), [null, 'infinity', '-infinity', '10000-01-01', '9999-12-31']],
  ['date', up('time'), ['0100-01-01 BC', '0200-01-01 BC', '0100-02-01 BC', '0001-01-01']],
  ['bigint', { kind: 'serial' }, [null, '0', '1', '4294967295', '2147483648', '2147483649']],
  ['text', { kind: 'listed', values: ['c', "o'x", 'a'], least: false }, [null, 'a', "o'x", 'c']],
  ['text', { kind: 'listed', values: ['c', 'b', 'a'], least: true }, [null, 'a', 'b', 'c']],
];

for (const [type, order, values] of VALUES) {
  test(`SQL and merge agree on the better ${type} (${order.kind})`, async () => {
    for (const one of values) {
      for (const other of values) {
        const best = bestOf(order, `$1::${type}`, `$2::${type}`);
        const { rows } = await sql.query<{ best: string | null }>(
          `SELECT (${best})::text AS best`,
          [one, other],
        );
        assert.equal(rows[0]!.best, bestValue(order, one, other), `${one} and ${other}`);
      }
    }
  });
}
