import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Client } from 'pg';
import { clashModel } from '../../../test/support/clash-model.ts';
import { ephemeralModel } from '../../../test/support/ephemeral-model.ts';
import { historyModel, PICK } from '../../../test/support/history-model.ts';
import { installModel } from '../../../test/support/install.ts';
import { LEASES } from '../../../test/support/lease-model.ts';
import { SEARCH_PATH } from '../../../test/support/model-text.ts';
import { hasDebian15, startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { silentLog } from '../../base/log.ts';
import { compileModels } from '../../model/compile.ts';
import type { Model } from '../../model/ir/ir.ts';
import { connect } from '../../postgres/connect.ts';
import { TableCheck } from './table-check.ts';
import { ROOT } from '../../../test/support/root.ts';

const MODELS = join(ROOT, 'models');
const PUT_BACK = 'again';

/** What is done to the table, what is said of it, and what undoes it: SQL, or `again`: the model's objects are made again. */
const CHANGES: [string, RegExp, string][] = [
  [
    'ALTER TABLE leases.lease DISABLE TRIGGER zz_crp_stamp',
    /trigger "zz_crp_stamp" of table "leases.lease" is disabled/,
    'ALTER TABLE leases.lease ENABLE TRIGGER zz_crp_stamp',
  ],
  ['ALTER TABLE leases.lease DISABLE TRIGGER USER', /"zz_crp_tombstone" .* is disabled/, PUT_BACK],
  [
    'ALTER TABLE leases.lease ENABLE ALWAYS TRIGGER zz_crp_stamp',
    /"zz_crp_stamp" .* fires at other times/,
    PUT_BACK,
  ],
  ['DROP TRIGGER zz_crp_tombstone ON leases.lease', /"zz_crp_tombstone" .* is gone/, PUT_BACK],
  ['ALTER TABLE leases.lease REPLICA IDENTITY DEFAULT', /not REPLICA IDENTITY FULL/, PUT_BACK],
  ['ALTER PUBLICATION crp DROP TABLE leases.lease', /"leases.lease" is not in pub/, PUT_BACK],
  [
    'ALTER PUBLICATION crp DROP TABLE crp.lease_tombstone',
    /"crp.lease_tombstone" is not/,
    PUT_BACK,
  ],
  [
    'ALTER PUBLICATION crp SET TABLE leases.lease WHERE (address > 5), crp.lease_tombstone',
    /some of its rows or columns only/,
    'ALTER PUBLICATION crp SET TABLE leases.lease, crp.lease_tombstone',
  ],
  [
    `ALTER PUBLICATION crp SET (publish = 'insert')`,
    /leaves kinds of changes out/,
    `ALTER PUBLICATION crp SET (publish = 'insert, update, delete, truncate')`,
  ],
  ['DROP PUBLICATION crp', /publication "crp" is gone/, PUT_BACK],
  [
    'ALTER TABLE leases.lease ENABLE ROW LEVEL SECURITY',
    /row level security/,
    'ALTER TABLE leases.lease DISABLE ROW LEVEL SECURITY',
  ],
  [
    'CREATE TRIGGER zzz BEFORE UPDATE ON leases.lease FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    /trigger "zzz", which could change a row/,
    'DROP TRIGGER zzz ON leases.lease',
  ],
  [
    'CREATE RULE r AS ON DELETE TO leases.lease DO INSTEAD NOTHING',
    /has the rule "r"/,
    'DROP RULE r ON leases.lease',
  ],
  [
    'ALTER TABLE leases.lease RENAME COLUMN note TO remark',
    /no column "note"/,
    'ALTER TABLE leases.lease RENAME COLUMN remark TO note',
  ],
  [
    'ALTER TABLE leases.lease ALTER note TYPE varchar(10)',
    /"note" as character varying\(10\), and the model as text/,
    'ALTER TABLE leases.lease ALTER note TYPE text',
  ],
  [
    'ALTER TABLE leases.lease RENAME TO rental',
    /"leases.lease" does not exist here/,
    'ALTER TABLE leases.rental RENAME TO lease',
  ],
  [
    `SELECT setval('leases.lease_address_seq', 5000)`,
    /other sites: ALTER SEQUENCE leases.lease_address_seq INCREMENT BY 2048 RESTART WITH 6147,/,
    `SELECT setval('leases.lease_address_seq', 6147)`,
  ],
  [
    'ALTER SEQUENCE leases.lease_address_seq INCREMENT BY 1',
    /sequence "leases.lease_address_seq" gives out values that belong to other sites/,
    'ALTER SEQUENCE leases.lease_address_seq INCREMENT BY 2048',
  ],
  [
    'ALTER SEQUENCE leases.lease_address_seq RESTART WITH 4098; INSERT INTO leases.lease DEFAULT VALUES',
    /RESTART WITH 4099,/,
    `SELECT setval('leases.lease_address_seq', 4099)`,
  ],
  [
    `BEGIN; INSERT INTO leases.lease DEFAULT VALUES; PREPARE TRANSACTION 'left'`,
    /transaction 'left' is prepared since .* COMMIT PREPARED 'left', or ROLLBACK PREPARED/,
    `ROLLBACK PREPARED 'left'`,
  ],
];

const PREPARED = { max_prepared_transactions: '2' };
const servers: TestServer[] = [];

before(async () => {
  servers.push(await startServer(18, PREPARED));
  if (hasDebian15()) servers.push(await startServer(15, PREPARED));
});

after(async () => {
  for (const server of servers) await server.remove();
});

function shippedModel(name: string): Model {
  const folder = join(MODELS, name);
  const files = readdirSync(folder).filter((file) => file.endsWith('.yang'));
  const { models } = compileModels({
    files: files.map((file) => join(folder, file)),
    searchPath: [...SEARCH_PATH, folder],
  });
  return models[0]!;
}

async function found(check: TableCheck, client: Client): Promise<string> {
  await check.look(client);
  return check
    .problems()
    .map(({ message }) => message)
    .join('\n');
}

test('of tables as models make them there is nothing to say', async () => {
  const shipped = ['dns', 'prepaid'];
  const made = [...shipped.map(shippedModel), clashModel(), historyModel(), ephemeralModel()];
  for (const [number, model] of made.entries()) {
    const client = await connect(await servers[0]!.createDatabase(`as_made_${number}`), 'test');
    await client.query(PICK);
    await installModel(client, { name: 'three', number: 3 }, model);
    const check = new TableCheck({ models: [model], site: 3, log: silentLog() });
    assert.equal(await found(check, client), '', model.name);
    await client.end();
  }
});

test('what was changed at a table by hand is said with what to do, as long as it is so', async () => {
  const site = { name: 'three', number: 3 };
  for (const server of servers) {
    const client = await connect(await server.createDatabase('changed'), 'test');
    const options = { models: [LEASES], site: site.number, log: silentLog() };
    const check = new TableCheck({ ...options, forgottenS: 0 });
    await installModel(client, site, LEASES);
    await client.query(
      `ALTER TABLE leases.lease ALTER address ADD GENERATED BY DEFAULT AS IDENTITY (INCREMENT 2048 START 2051)`,
    );
    assert.equal(await found(check, client), '');
    for (const [change, says, undo] of CHANGES) {
      await client.query(change);
      assert.match(await found(check, client), says, change);
      if (undo === PUT_BACK) await installModel(client, site, LEASES);
      else await client.query(undo);
      assert.equal(await found(check, client), '', undo);
    }
    await client.end();
  }
});
