import { describeError } from '../../src/base/errors.ts';
import { loadGenerator } from './load.ts';
import { benchNative } from './native.ts';
import type { Host } from './native.ts';
import { parseOptions, USAGE } from './options.ts';
import { benchPeers } from './peers.ts';

const ends: (() => Promise<void>)[] = [];

/** Does what is to be done at the end; one failure does not keep the others from it. */
async function cleanUp(): Promise<void> {
  for (let work = ends.pop(); work !== undefined; work = ends.pop()) {
    await work().catch((error: unknown) => note(`cleaning up: ${describeError(error)}`));
  }
}

function note(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

const host: Host = {
  note,
  print: (line) => {
    process.stdout.write(`${JSON.stringify(line)}\n`);
    if (line.failed !== undefined) process.exitCode = 1;
  },
  atEnd: (work) => void ends.push(work),
};

function options(): ReturnType<typeof parseOptions> | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`bench: ${describeError(error)}\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function main(): Promise<void> {
  const chosen = options();
  if (chosen === undefined) return;
  note(`load: ${loadGenerator()}, ${JSON.stringify(chosen.sizes)}`);
  const interrupted = (): void => void cleanUp().finally(() => process.exit(130));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    if (chosen.command === 'native') await benchNative(chosen, host);
    else await benchPeers(chosen, host);
  } catch (error) {
    note(`failed: ${describeError(error)}`);
    process.exitCode = 1;
  } finally {
    await cleanUp();
  }
}

await main();
