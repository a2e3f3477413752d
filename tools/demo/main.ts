/*
 * `npm start`: two sites on this machine, from nothing to a converged pair after a cut link, conflicts
 * and a killed agent. With `--once` it stops what it started, and its exit code and last line say whether
 * both sites are equal and have every acknowledged write.
 */
import { parseArgs } from 'node:util';
import { formatTable } from '../../src/cli/table.ts';
import { Ledger } from './ledger.ts';
import { killAnAgent } from './load.ts';
import { heading, say, verdict } from './say.ts';
import { DEFAULT_ROOT, setUp, ZONE } from './set-up.ts';
import type { Demo } from './set-up.ts';
import { equal, heal, writesOnBothSides, writesWhileCut } from './story.ts';
import { short, until } from './site.ts';

const { values } = parseArgs({
  options: { once: { type: 'boolean', default: false }, dir: { type: 'string' } },
});

interface Outcome {
  converged: boolean;
  rows: number;
  lost: number;
  conflicts: number;
}

async function run(demo: Demo): Promise<Outcome> {
  const ledger = new Ledger();
  const asExpected = [await writesOnBothSides(demo, ledger)];
  await writesWhileCut(demo, ledger);
  asExpected.push(await heal(demo), await killAnAgent(demo, ledger));
  const outcome = await report(demo, ledger);
  return { ...outcome, converged: outcome.converged && asExpected.every(Boolean) };
}

async function report(demo: Demo, ledger: Ledger): Promise<Outcome> {
  const { ber, muc } = demo;
  heading('In the end');
  const [one, other] = await Promise.all([ber.digest(), muc.digest()]);
  const header = ['entity', 'rows at ber', 'rows at muc', 'hash at ber', 'hash at muc'];
  const rows = one.map((entity, index) => {
    const twin = other[index]!;
    return [entity.entity, entity.rows, twin.rows, entity.hash, twin.hash];
  });
  say(formatTable(header, rows));
  const converged = await equal(demo);
  verdict(converged, 'row counts and row hashes of every entity are equal');
  const missing = await Promise.all([ledger.missing(ber, ZONE), ledger.missing(muc, ZONE)]);
  const lost = new Set(missing.flat()).size;
  verdict(lost === 0, `${ledger.size} RRsets of the ledger are at both sites; lost: ${lost}`);
  const status = await Promise.all([ber.status(), muc.status()]);
  for (const { site, peers, conflicts } of status) {
    const lag = peers.map(
      (peer) => `${peer.name}: ${peer.lag.seconds} s, ${peer.lag.batches} batches`,
    );
    say(`${site}  conflicts ${conflicts?.total}, lag behind ${lag.join('; ')}`);
  }
  const total = one.reduce((sum, entity) => sum + entity.rows, 0);
  return { converged, rows: total, lost, conflicts: status[0].conflicts?.total ?? 0 };
}

/** Takes the proxies out of the way, so that the sites live on without this process. */
async function leaveUp(demo: Demo): Promise<void> {
  const { ber, muc, addresses } = demo;
  heading('The sites stay up');
  await ber.moveTo(addresses.ber);
  await muc.moveTo(addresses.muc);
  await until('the sites reach each other directly', async () => {
    const [one, other] = await Promise.all([ber.status(), muc.status()]);
    const direct = (peers: typeof one.peers, address: string): boolean =>
      peers.some((peer) => peer.address === address && peer.link === 'connected');
    return direct(one.peers, addresses.muc) && direct(other.peers, addresses.ber);
  });
  const cli = 'npx syncline';
  for (const site of [ber, muc]) {
    say(`${site.name}   psql '${site.serviceUrl()}'`);
    say(`      ${cli} sql "SELECT * FROM dns.rrset LIMIT 5" --dir ${short(site.dir)}`);
    say(`      ${cli} status --dir ${short(site.dir)}`);
    say(`      ${cli} conflicts --dir ${short(site.dir)}`);
    say(`      ${cli} down --database --dir ${short(site.dir)}      (stops it)`);
  }
}

const demo = await setUp(values.dir ?? DEFAULT_ROOT);
try {
  const outcome = await run(demo);
  await Promise.all([demo.ber.disconnect(), demo.muc.disconnect()]);
  if (!values.once) await leaveUp(demo);
  process.exitCode = outcome.converged && outcome.lost === 0 ? 0 : 1;
  if (values.once) console.log(JSON.stringify(outcome));
} finally {
  await Promise.all([demo.ber.disconnect(), demo.muc.disconnect()]);
  if (values.once) await Promise.all([demo.ber.remove(), demo.muc.remove()]);
  await demo.network.close();
}
