import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import { Command } from 'commander';
import { startServer } from '../../../test/support/server.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { connect, withConnection } from '../../postgres/connect.ts';
import { exportCommand, importCommand } from './import.ts';
import { ROOT } from '../../../test/support/root.ts';

const EXAMPLE = join(ROOT, 'models/dns/data/example.net.zone');

const TABLES = `
  CREATE SCHEMA dns;
  CREATE TABLE dns.zone (name text PRIMARY KEY, kind text NOT NULL, disabled boolean NOT NULL,
    soa_mname text NOT NULL, soa_rname text NOT NULL, soa_serial bigint NOT NULL,
    soa_refresh bigint NOT NULL, soa_retry bigint NOT NULL, soa_expire bigint NOT NULL,
    soa_minimum bigint NOT NULL, soa_ttl bigint NOT NULL);
  CREATE TABLE dns.rrset (zone text REFERENCES dns.zone ON DELETE CASCADE, owner text, type text,
    ttl bigint NOT NULL, rdata text[] NOT NULL, PRIMARY KEY (zone, owner, type));`;

describe('syncline import zone and export zone', () => {
  let server: TestServer;
  let dsn: string;
  const folder = mkdtempSync(join(tmpdir(), 'import-'));
  const output = join(folder, 'out.zone');

  before(async () => {
    server = await startServer(18);
    dsn = await server.createDatabase('dns');
    await withConnection(dsn, 'test', (client) => client.query(TABLES));
  });
  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a command line; what it printed. */
  const run = async (...args: string[]): Promise<string> => {
    const log = mock.method(console, 'log', () => undefined);
    const open = (): ReturnType<typeof connect> => connect(dsn, 'test');
    try {
      const program = new Command('syncline').exitOverride();
      program.addCommand(importCommand(open)).addCommand(exportCommand(open));
      await program.parseAsync(args, { from: 'user' });
      return log.mock.calls.map((call) => call.arguments.join(' ')).join('\n');
    } finally {
      log.mock.restore();
    }
  };

  test('the example zone goes in, and comes out the same', async () => {
    const dryRun = await run('import', 'zone', EXAMPLE, '--dry-run');
    assert.match(dryRun, /^example.net. would be imported \(dry run\): 294 records/);
    const result = JSON.parse(await run('import', 'zone', EXAMPLE, '--json')) as object;
    assert.deepEqual(result, { ...result, zone: 'example.net.', records: 294, warnings: [] });
    await assert.rejects(run('import', 'zone', EXAMPLE), { code: 'ZONE_EXISTS' });
    await run('export', 'zone', 'example.net', '-o', output);
    assert.equal(readFileSync(output, 'utf8').split('\n').length, 295);
    const again = await run('import', 'zone', output, '--replace', '--origin', 'example.net');
    assert.match(again, /294 records in \d+ RRsets; 0 added, 0 changed, 0 deleted, \d+ unchanged/);
  });

  test('an export that fails leaves the file that was there', async () => {
    writeFileSync(output, 'old');
    const missing = run('export', 'zone', 'example.org', '-o', output);
    await assert.rejects(missing, { code: 'ZONE_MISSING' });
    assert.equal(readFileSync(output, 'utf8'), 'old');
    assert.deepEqual(readdirSync(folder), ['out.zone']);
    const nowhere = join(folder, 'missing', 'out.zone');
    await assert.rejects(run('export', 'zone', 'example.net', '-o', nowhere), {
      code: 'EXPORT_FILE',
    });
    assert.equal(existsSync(nowhere), false);
  });
});
