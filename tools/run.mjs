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
  const files = testFiles(['.test.ts'], unit ? ['.pg.test.ts'] : []).map(built);
  // Many wait most of the time, for rounds of agents and for disks: with three at a time two cores were busy for half of it.
  // The spec reporter repeats what failed at the end, where one looks first.
  const how = ['--enable-source-maps', '--test', '--test-concurrency=4', '--test-reporter=spec'];
  run(process.execPath, [...how, ...files]);
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

/** Two sites on this machine, from nothing: see tools/demo. */
function start(args) {
  build();
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
