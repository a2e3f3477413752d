import type { Demo } from './set-up.ts';
import { ZONE } from './set-up.ts';
import type { Ledger } from './ledger.ts';
import { heading, say, verdict } from './say.ts';
import { until } from './site.ts';
import type { DemoSite } from './site.ts';

interface Rrset {
  ttl: string;
  rdata: string[];
}

const UPSERT = `INSERT INTO dns.rrset (zone, owner, type, ttl, rdata) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (zone, owner, type) DO UPDATE SET ttl = excluded.ttl, rdata = excluded.rdata`;

async function write(site: DemoSite, ledger: Ledger, name: string, data: string): Promise<void> {
  const owner = `${name}.${ZONE}`;
  await site.query(UPSERT, [ZONE, owner, 'A', 300, [data]]);
  ledger.acknowledged({ owner, type: 'A', rdata: [data] });
}

async function read(site: DemoSite, name: string): Promise<Rrset | undefined> {
  const rows = await site.query<Rrset>(
    `SELECT ttl, rdata FROM dns.rrset WHERE zone = $1 AND owner = $2 AND type = 'A'`,
    [ZONE, `${name}.${ZONE}`],
  );
  return rows[0];
}

const show = (rrset: Rrset | undefined): string =>
  rrset === undefined ? 'deleted' : `${rrset.ttl} A ${rrset.rdata.join(' ')}`;

/** Both sites write, with the link up. */
export async function writesOnBothSides({ ber, muc }: Demo, ledger: Ledger): Promise<boolean> {
  heading('Both sites take writes');
  let good = true;
  for (const [from, to, name, data] of [
    [ber, muc, 'from-ber', '192.0.2.1'],
    [muc, ber, 'from-muc', '192.0.2.2'],
  ] as const) {
    await write(from, ledger, name, data);
    const ms = await until(
      `${name} at ${to.name}`,
      async () => (await read(to, name)) !== undefined,
    );
    const seen = await read(to, name);
    verdict(
      seen?.rdata[0] === data,
      `${name}: written at ${from.name}, at ${to.name} after ${ms.toFixed(1)} ms`,
    );
    good &&= seen?.rdata[0] === data;
  }
  for (const name of ['two-groups', 'one-group', 'deleted'])
    await write(ber, ledger, name, '192.0.2.10');
  await until('the three names at muc', async () => (await read(muc, 'deleted')) !== undefined);
  return good;
}

/** The same RRsets change at both sites while the link is cut. */
export async function writesWhileCut(demo: Demo, ledger: Ledger): Promise<void> {
  const { ber, muc } = demo;
  heading('The link is cut, and the same RRsets change at both sites');
  demo.network.cut();
  const change = async (site: DemoSite, name: string, assignment: string): Promise<void> => {
    const where = `zone = '${ZONE}' AND owner = '${name}.${ZONE}' AND type = 'A'`;
    await site.query(`UPDATE dns.rrset SET ${assignment} WHERE ${where}`);
    say(`${site.name}  UPDATE dns.rrset SET ${assignment} WHERE owner = '${name}.${ZONE}' …`);
  };
  await change(ber, 'two-groups', 'ttl = 60');
  await change(muc, 'two-groups', `rdata = '{192.0.2.77}'`);
  ledger.acknowledged({ owner: `two-groups.${ZONE}`, type: 'A', rdata: ['192.0.2.77'] });
  await change(ber, 'one-group', `rdata = '{192.0.2.50}'`);
  await change(muc, 'one-group', `rdata = '{192.0.2.60}'`);
  ledger.acknowledged({ owner: `one-group.${ZONE}`, type: 'A', rdata: ['192.0.2.60'] });
  await ber.query(`DELETE FROM dns.rrset WHERE zone = $1 AND owner = $2`, [
    ZONE,
    `deleted.${ZONE}`,
  ]);
  say(`ber  DELETE FROM dns.rrset WHERE owner = 'deleted.${ZONE}' …`);
  await change(muc, 'deleted', `rdata = '{192.0.2.99}'`);
  ledger.deleted(`deleted.${ZONE}`, 'A');
}

/** The link comes back; says what each conflict came to. */
export async function heal(demo: Demo): Promise<boolean> {
  const { ber, muc } = demo;
  heading('The link is healed');
  demo.network.heal();
  const ms = await until('both sites are equal', async () => equal(demo));
  say(`equal again after ${(ms / 1000).toFixed(1)} s`);
  const both = async (name: string): Promise<string[]> =>
    Promise.all([ber, muc].map(async (site) => show(await read(site, name))));
  const checks: [string, string, string][] = [
    ['two-groups', '60 A 192.0.2.77', 'different column groups: both changes survive'],
    ['one-group', '300 A 192.0.2.60', 'the same column group: the later change wins'],
    ['deleted', 'deleted', 'a delete against an update: the delete wins'],
  ];
  let good = true;
  for (const [name, expected, text] of checks) {
    const found = await both(name);
    const fine = found.every((state) => state === expected);
    verdict(fine, `${text}: ${name} is ${found.join(' / ')}`);
    good &&= fine;
  }
  say('\nWhat lost is not gone: it is in the conflict list, with both images.');
  say(await ber.run('conflicts'));
  const recorded = await Promise.all([ber.conflicts(), muc.conflicts()]);
  verdict(
    recorded.every((count) => count >= 2),
    `conflicts recorded at ber: ${recorded[0]}, at muc: ${recorded[1]}`,
  );
  return good && recorded.every((count) => count >= 2);
}

/** True when row counts and hashes of all entities are equal. */
export async function equal({ ber, muc }: Demo): Promise<boolean> {
  const [one, other] = await Promise.all([ber.digest(), muc.digest()]);
  return JSON.stringify(one) === JSON.stringify(other);
}
