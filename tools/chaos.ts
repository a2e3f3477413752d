/*
 * `npm run chaos -- [--minutes N] [--sites N] [--seed S]`: real sites under write load while agents and
 * databases are killed, links are cut and clocks jump; the last line is one JSON object.
 */
import { runChaos } from '../test/support/chaos.ts';
import { readOptions } from '../test/support/options.ts';
import { hasDebian15 } from '../test/support/server.ts';

const USAGE = 'npm run chaos -- [--minutes N] [--sites 2..5] [--seed S]';
const values = readOptions(
  {
    minutes: { type: 'string', default: '3' },
    sites: { type: 'string', default: '3' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
  USAGE,
);

const count = Number(values.sites);
const seed = Number(values.seed);
const minutes = Number(values.minutes);
if (
  !Number.isInteger(count) ||
  count < 2 ||
  count > 5 ||
  !Number.isInteger(seed) ||
  !(minutes > 0)
) {
  console.error(`usage: ${USAGE}`);
  process.exit(2);
}
// The second site runs on Debian's PostgreSQL 15 where it is installed.
const versions = Array.from({ length: count }, (_, index) =>
  index === 1 && hasDebian15() ? 15 : 18,
);
console.error(`seed ${seed}, sites on PostgreSQL ${versions.join(', ')}, ${minutes} minutes`);
const result = await runChaos({
  ...{ versions, seed, milliseconds: minutes * 60_000 },
  say: (text) => console.error(text),
});
console.log(JSON.stringify({ converged: true, lost: 0, seed, sites: count, ...result }));
