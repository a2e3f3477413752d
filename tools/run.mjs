// Runs one of the project's commands on a fresh clone: installs what is missing first. Plain JavaScript
// and Node's own modules only, since nothing else is there yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** npm's own record of what it installed is older than the lock file, or is not there. */
function installed() {
  const record = join(root, 'node_modules', '.package-lock.json');
  return (
    existsSync(record) &&
    statSync(record).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
  );
}

function install() {
  if (!installed()) run('npm', ['ci', '--no-audit', '--no-fund']);
}

/** Test files under the folders, by the end of their names. */
function testFiles(suffixes, without) {
  return ['src', 'test', 'tools']
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((f) => join(folder, f)),
    )
    .filter((file) => suffixes.some((suffix) => file.endsWith(suffix)))
    .filter((file) => !without.some((suffix) => file.endsWith(suffix)))
    .sort((one, other) => one.localeCompare(other));
}

/**
 * Files that take a minute or more, the longest first, and those of nearly a minute that would begin among the last: when
 * all others are done such a file runs by itself. The order need not be right; a file that is not here begins after these.
 */
const LONGEST = [
  'test/scenarios/agents/lost.pg.test.ts',
  'test/scenarios/agents/leave.pg.test.ts',
  'test/scenarios/agents/verify.pg.test.ts',
  'test/scenarios/agents/upgrade.pg.test.ts',
  'test/scenarios/two-sites/backlog.pg.test.ts',
  'test/scenarios/agents/bad-input.pg.test.ts',
  'test/scenarios/history/three-sites.pg.test.ts',
  'test/scenarios/agents/put-back.pg.test.ts',
  'test/scenarios/demo.pg.test.ts',
  'test/scenarios/history/sets.pg.test.ts',
  'test/scenarios/agents/clash.pg.test.ts',
  'test/scenarios/capture/calls.pg.test.ts',
  'test/scenarios/stepped/convergence.property.pg.test.ts',
  'test/scenarios/agents/changed-tables.pg.test.ts',
  'test/scenarios/streams/streams.pg.test.ts',
  'test/scenarios/agents/layout.pg.test.ts',
  'test/scenarios/two-sites/two-sites.pg.test.ts',
  'test/scenarios/agents/unique-kinds.pg.test.ts',
  'test/scenarios/rules/rows.pg.test.ts',
  'test/scenarios/agents/sets.pg.test.ts',
  'test/scenarios/agents/adopt-values.pg.test.ts',
  'test/scenarios/agents/interrupted.pg.test.ts',
  'test/scenarios/two-sites/crash.pg.test.ts',
  'tools/bench/bench.pg.test.ts',
  'test/scenarios/two-sites/came-and-went.pg.test.ts',
];

/** The files in the order in which they begin. */
function longestFirst(files) {
  const rank = (file) => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length);
  return files.toSorted((one, other) => rank(one) - rank(other));
}

/** Real programs that tests talk to, with the Debian packages that have them. */
const DEBIAN = {
  '/usr/lib/postgresql/15/bin/postgres': 'postgresql-15',
  '/usr/bin/yanglint': 'libyang-tools',
  '/usr/bin/named-compilezone': 'bind9-utils',
  '/usr/bin/kzonecheck': 'knot-dnssecutils',
  '/usr/sbin/nsd-checkzone': 'nsd',
};

/**
 * In CI every real program has to be there: what is missing is installed (as root), all at once and before the tests.
 * Two tests that install at the same time would find the lock of the package system taken.
 */
function installPrograms() {
  const missing = Object.entries(DEBIAN).filter(([program]) => !existsSync(program));
  if (process.env.CI !== 'true' || missing.length === 0) return;
  run('apt-get', ['update', '-q']);
  const names = missing.map(([, name]) => name);
  run('apt-get', ['install', '-qy', '--no-install-recommends', ...names]);
}

function test(args) {
  const unit = args.includes('--unit');
  installPrograms();
  build();
  // The tests too: two hundred processes that compile what they import take minutes.
  run('npx', ['--no-install', 'tsc', '-p', 'tsconfig.json']);
  process.env.SYNCLINE_BUILT = 'true';
  if (process.env.CI === 'true') process.env.SEED ??= seedOfCommit();
  run('npx', ['--no-install', 'oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'tools']);
  run('npx', ['--no-install', 'prettier', '--check', '--log-level', 'warn', '.']);
  const files = longestFirst(testFiles(['.test.ts'], unit ? ['.pg.test.ts'] : [])).map(built);
  run(process.execPath, ['--enable-source-maps', 'tools/run-tests.mjs', ...files]);
}

/** What tests draw in CI depends on the commit alone: whoever tests it again sees the same (test/support/seed.ts). */
function seedOfCommit() {
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' });
  return String(Number.parseInt(stdout?.slice(0, 7) || '1', 16));
}

/** What the compiler makes of a source file. */
function built(file) {
  return join('dist', relative(root, file)).replace(/\.ts$/, '.js');
}

function build() {
  run('npx', ['--no-install', 'tsc', '-p', 'tsconfig.build.json']);
}

/** Two sites on this machine, from nothing: see tools/demo. What `npm test` has built and runs is not written again. */
function start(args) {
  if (process.env.SYNCLINE_BUILT !== 'true') build();
  run(process.execPath, ['dist/tools/demo/main.js', ...args]);
}

/** Compiled, since a loader of TypeScript in the agents would be measured with them. */
function bench(args) {
  build();
  run(process.execPath, ['dist/tools/bench/main.js', ...args]);
}

/** Straight from the sources: that starts sooner than a build, and runs as fast. */
function sim(args) {
  run(process.execPath, ['--import', 'tsx', 'test/simulation/main.ts', ...args]);
}

const [command, ...args] = process.argv.slice(2);
process.chdir(root);
if (command === 'test') {
  install();
  test(args);
} else if (command === 'start') {
  install();
  start(args);
} else if (command === 'bench') {
  install();
  bench(args);
} else if (command === 'sim') {
  install();
  sim(args);
} else if (command === 'chaos') {
  install();
  run(process.execPath, ['--import', 'tsx', 'tools/chaos.ts', ...args]);
} else {
  process.stderr.write(`"npm run ${command}" does not exist yet: see README.md for what does\n`);
  process.exit(2);
}
