import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { AgentSite } from '../../support/agents.ts';
import { shiftedDate, shiftStamps } from '../../support/clock.ts';
import { LEASES } from '../../support/lease-model.ts';
import { eventually } from '../../support/pair.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';

const TEN_MINUTES = 600_000;

let server: TestServer;
let one: AgentSite;
let two: AgentSite;
const scratch = mkdtempSync(join(tmpdir(), 'crp-clock-'));
/** The clock of two's agent. */
const clock = shiftedDate(scratch);

before(async () => {
  server = await startServer(18);
  one = await AgentSite.init('one', { adminUrl: await server.createDatabase('a'), model: LEASES });
  await one.up();
  const adminUrl = await server.createDatabase('b');
  two = await AgentSite.join(await one.invite('two', 2), { adminUrl });
  await two.up({ imports: [clock.url] });
});

after(async () => {
  await one?.remove();
  await two?.remove();
  await server?.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const note = async (site: AgentSite, address: number): Promise<string | undefined> =>
  (
    await site.sql.query<{ note: string }>('SELECT note FROM leases.lease WHERE address = $1', [
      address,
    ])
  ).rows[0]?.note;

const write = (site: AgentSite, address: number, text: string): Promise<unknown> =>
  site.sql.query(
    `INSERT INTO leases.lease (address, note) VALUES ($1, $2)
     ON CONFLICT (address) DO UPDATE SET note = excluded.note`,
    [address, text],
  );

const both = (address: number, wanted: string): Promise<void> =>
  eventually(`note of ${address} is ${wanted} at both`, async () => {
    return (await note(one, address)) === wanted && (await note(two, address)) === wanted;
  });

/** ms by which the stamp of a row's note is ahead of the server's clock. */
async function ahead(site: AgentSite, address: number): Promise<number> {
  const { rows } = await site.sql.query<{ ms: number }>(
    `SELECT (((_crp_name >> 11) - (date_part('epoch', clock_timestamp()) - 1577836800) * 1000000) / 1000)::float8 AS ms
     FROM leases.lease WHERE address = $1`,
    [address],
  );
  return rows[0]!.ms;
}

test('a write that saw another is the later one, whatever the clocks of the two sites say', async () => {
  const offsets = [TEN_MINUTES, -TEN_MINUTES, TEN_MINUTES / 2, 0];
  for (const [step, offset] of offsets.entries()) {
    // The clock of two jumps while both work.
    await shiftStamps(two.adminUrl, offset);
    const address = step + 1;
    await write(two, address, 'first at two');
    await both(address, 'first at two');
    await write(one, address, 'then at one');
    await both(address, 'then at one');
    await write(two, address, 'then at two');
    await both(address, 'then at two');
    if (step === 0) assert.ok((await ahead(one, address)) > TEN_MINUTES - 60_000);
  }
  const conflicts = (await one.status()).conflicts!.total + (await two.status()).conflicts!.total;
  assert.equal(conflicts, 0, 'a write that saw the other one is no conflict');
});

test('of concurrent writes the site that is ahead wins, at both sites', async () => {
  await write(one, 10, 'old');
  await both(10, 'old');
  // Both clocks go on from the greatest stamp that they have seen; two is then ten minutes ahead of it.
  await shiftStamps(two.adminUrl, 2 * TEN_MINUTES);
  for (const site of [one, two]) site.proxy.set('cut');
  await write(two, 10, 'ahead, and first');
  await write(one, 10, 'behind, and second');
  for (const site of [one, two]) site.proxy.set('open');
  await both(10, 'ahead, and first');
  await shiftStamps(two.adminUrl, 0);
  await write(one, 10, 'after both');
  await both(10, 'after both');
});

test('a delete and an insert that saw it are in that order', async () => {
  await shiftStamps(two.adminUrl, 3 * TEN_MINUTES);
  await write(two, 20, 'x');
  await both(20, 'x');
  await two.sql.query('DELETE FROM leases.lease WHERE address = 20');
  await eventually('it is deleted at one', async () => (await note(one, 20)) === undefined);
  await write(one, 20, 'again');
  await both(20, 'again');
  await shiftStamps(two.adminUrl, 0);
});

test('a site whose clock is too far ahead is held back, with an alarm in the status, until it is right', async () => {
  // For the agent of two the others are ten minutes ahead.
  clock.set(-TEN_MINUTES);
  await write(one, 30, 'from the future');
  await eventually('the status has the alarm', async () => {
    const status = await two.status();
    const peer = status.peers.find(({ name }) => name === 'one');
    const message = peer?.lastError?.message ?? '';
    return peer?.apply === 'waiting' && /clock of site "one" is (59|60)\d s ahead/.test(message);
  });
  assert.equal(await note(two, 30), undefined);
  // The other way it is only late.
  await write(two, 31, 'late');
  await eventually('one has it', async () => (await note(one, 31)) === 'late');
  clock.set(0);
  await both(30, 'from the future');
});
