import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Model } from '../../../src/model/ir/ir.ts';
import { AgentSite } from '../../support/agents.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';

const CHANNEL = 'leases_changed';
const MODEL: Model = {
  ...LEASES,
  entities: LEASES.entities.map((entity) => ({ ...entity, afterApply: CHANNEL })),
};

/** What every role may do that may connect to the database, whatever it may read or write there. */
const MESSAGES = [
  // Another site that nobody has, further than anybody will ever be; texts that are none of ours.
  `SELECT pg_logical_emit_message(false, 'crp.known', '3 1 4611686018427387904')`,
  `SELECT pg_logical_emit_message(false, 'crp.known', '3 1 4611686018427387904 0123456789abcdef0123456789abcdef')`,
  `SELECT pg_logical_emit_message(false, 'crp.known', '1 1 -5')`,
  `SELECT pg_logical_emit_message(false, 'crp.known', 'x')`,
  `SELECT pg_logical_emit_message(false, 'crp.known', '')`,
];
const NOTICES = ['', 'x', 'null', '7', '[]', '{"entity": "lease", "rows": {}, "keys": 7}'].flatMap(
  (text) => [CHANNEL, 'crp_conflict'].map((channel) => `NOTIFY ${channel}, '${text}'`),
);

test('what a service says to the server does not stop replication, hide its writes or end the agent', async () => {
  const server = await startServer(18);
  const made: AgentSite[] = [];
  try {
    const adminUrl = await server.createDatabase('a');
    const a = await AgentSite.init('a', { adminUrl, model: MODEL });
    made.push(a);
    const config = join(a.dir, 'syncline.yaml');
    const text = readFileSync(config, 'utf8').replace(/^notify:[^]*?(?=^\S)/m, '');
    const options = `notify: { webhook: "http://127.0.0.1:1/" }\nafter-apply: { lease: ["true"] }\n`;
    writeFileSync(config, text.replace(/^log:/m, `${options}log:`));
    await a.up();
    const invitation = await a.invite('b', 2);
    const b = await AgentSite.join(invitation, { adminUrl: await server.createDatabase('b') });
    made.push(b);
    await b.sql.query(`SET application_name = 'syncline apply crp_b_1_ahead'`);
    await b.up();
    await eventually('the program has run once', async () => {
      return (await a.status()).afterApply?.[0]?.runs === 1;
    });
    for (const statement of [...MESSAGES, ...NOTICES, ...NOTICES]) await a.sql.query(statement);
    await a.sql.query(`BEGIN; SELECT pg_logical_emit_message(true, 'crp.foreign', '');
      INSERT INTO leases.lease (address) VALUES (1); COMMIT`);
    await eventually('the row is at the other site', async () => {
      const { rowCount } = await b.sql.query('SELECT FROM leases.lease');
      return rowCount === 1;
    });
    const { capture } = await a.status();
    assert.deepEqual([capture.state, capture.lastError], ['running', undefined]);
    assert.match(readFileSync(join(a.dir, 'agent.log'), 'utf8'), /not the agent of this site/);
  } finally {
    for (const site of made.reverse()) await site.remove();
    await server.remove();
  }
});
