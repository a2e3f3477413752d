/**
 * The simulator's command line: `npm run sim -- [--seeds N] [--seed S] [--mutate NAME]`. Plays N scenarios
 * from seed S on; ends with status 1 at the first that breaks a promise, after printing it shrunk.
 */
import { readOptions } from '../support/options.ts';
import { isPlanted, PLANTED } from './planted.ts';
import { report, shrink, simulate } from './simulate.ts';

const values = readOptions(
  {
    seeds: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    mutate: { type: 'string' },
  },
  'npm run sim -- [--seeds N] [--seed S] [--mutate NAME]',
);
const first = Number(values.seed);
const count = process.argv.some((arg) => arg.startsWith('--seeds'))
  ? Number(values.seeds)
  : undefined;
const planted = values.mutate;
if (planted !== undefined && !isPlanted(planted)) {
  const known = Object.entries(PLANTED).map(([name, what]) => `  ${name.padEnd(26)}${what}`);
  console.error(`--mutate takes one of\n${known.join('\n')}`);
  process.exit(2);
}
if (!Number.isSafeInteger(first) || (count !== undefined && !(count > 0))) {
  console.error('--seed and --seeds take whole numbers');
  process.exit(2);
}
// A single seed is a replay.
const isReplay = count === undefined && process.argv.some((arg) => arg.startsWith('--seed'));
const end = first + (count ?? (isReplay ? 1 : Number(values.seeds)));
const begun = performance.now();
for (let seed = first; seed < end; seed++) {
  const failure = simulate(seed, planted);
  if (failure === undefined) continue;
  console.error(report(shrink(failure)));
  const again = planted === undefined ? '' : ` --mutate ${planted}`;
  console.error(`\nreplay: npm run sim -- --seed ${seed}${again}`);
  process.exit(1);
}
const seconds = (performance.now() - begun) / 1000;
console.log(
  `${end - first} scenarios from seed ${first} kept every promise, in ${seconds.toFixed(1)} s`,
);
