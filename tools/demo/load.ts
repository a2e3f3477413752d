import type { Demo } from './set-up.ts';
import { ZONE } from './set-up.ts';
import type { Ledger } from './ledger.ts';
import { heading, say, verdict } from './say.ts';
import { until } from './site.ts';
import type { DemoSite } from './site.ts';
import { equal } from './story.ts';

const WRITES = 20_000;
const OTHER_WRITES = 2_000;
const SESSIONS = 8;

const INSERT = {
  name: 'register',
  text: `INSERT INTO dns.rrset (zone, owner, type, ttl, rdata) VALUES ($1, $2, 'A', 300, $3)`,
};

/** Hosts register at both sites; the agent of one is killed in the middle and started again. */
export async function killAnAgent(demo: Demo, ledger: Ledger): Promise<boolean> {
  const { ber, muc } = demo;
  heading(`${WRITES} writes at ber, ${OTHER_WRITES} at muc, and an agent is killed in the middle`);
  const { pid } = await ber.status();
  const began = performance.now();
  const progress = { done: 0 };
  const writing = Promise.all([
    register(ber, ledger, { prefix: 'a', count: WRITES, progress }),
    register(muc, ledger, { prefix: 'b', count: OTHER_WRITES, progress: { done: 0 } }),
  ]);
  await until('half of the writes', () => Promise.resolve(progress.done >= WRITES / 2));
  process.kill(pid, 'SIGKILL');
  say(
    `SIGKILL to ber's agent (process ${pid}) after ${progress.done} writes; the service writes on`,
  );
  await ber.run('up', '--detach');
  await writing;
  const seconds = (performance.now() - began) / 1000;
  say(`all ${WRITES + OTHER_WRITES} writes acknowledged after ${seconds.toFixed(1)} s`);
  const ms = await until('both sites are equal', () => equal(demo));
  verdict(true, `both sites equal ${(ms / 1000).toFixed(1)} s after the last write`);
  return true;
}

async function register(
  site: DemoSite,
  ledger: Ledger,
  work: { prefix: string; count: number; progress: { done: number } },
): Promise<void> {
  const { prefix, count, progress } = work;
  let next = 0;
  const session = async (): Promise<void> => {
    const client = await site.newSession();
    while (next < count) {
      const number = next++;
      const owner = `${prefix}${number}.dyn.${ZONE}`;
      const rdata = [`10.${prefix === 'a' ? 1 : 2}.${number >> 8}.${number & 255}`];
      await client.query({ ...INSERT, values: [ZONE, owner, rdata] });
      ledger.acknowledged({ owner, type: 'A', rdata });
      progress.done += 1;
    }
    await client.end();
  };
  await Promise.all(Array.from({ length: SESSIONS }, session));
}
