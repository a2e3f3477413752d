import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { AppError } from '../../base/errors.ts';
import { createLog } from '../../base/log.ts';
import { readConfig } from '../../site/config/config.ts';
import { askAgent } from '../../site/agent/control.ts';
import { siteFolder } from '../../site/config/folder.ts';
import { dirOption } from '../options.ts';

/** Longest time for a detached agent to come up. */
const START_LIMIT_MS = 60_000;

interface Options {
  dir: string;
  detach: boolean;
}

/** `syncline up`: runs the agent, here or in the background. */
export function upCommand(): Command {
  return new Command('up')
    .description("run the site's agent (and its embedded PostgreSQL, which outlives it)")
    .addOption(dirOption())
    .option('--detach', 'return when it is up and leave it running in the background', false)
    .action((options: Options) => (options.detach ? detach(options.dir) : run(options.dir)));
}

async function run(dir: string): Promise<void> {
  const config = readConfig(dir);
  const { log: file } = siteFolder(dir);
  const log = createLog(config.log.level, file);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  // Loaded here: whoever only starts an agent of its own process does not need it.
  const { Agent } = await import('../../site/agent/agent.ts');
  const agent = await Agent.open(dir, log);
  console.log(`Site "${config.site}" serves ${config.link.address}; log: ${file}`);
  await agent.run(dir, stop.signal);
}

async function detach(dir: string): Promise<void> {
  readConfig(dir);
  mkdirSync(dir, { recursive: true });
  const output = `${siteFolder(dir).log}.start`;
  const file = openSync(output, 'w', 0o600);
  const args = [...process.execArgv, process.argv[1]!, 'up', '--dir', dir];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', file, file] });
  closeSync(file);
  let exited: string | undefined;
  child.once('exit', (_, signal) => (exited = signal ?? 'exit'));
  const end = Date.now() + START_LIMIT_MS;
  while (exited === undefined && Date.now() < end) {
    const answer = (await askAgent(dir, 'ping').catch(() => undefined)) as
      { pid: number } | undefined;
    if (answer?.pid === child.pid) {
      console.log(`Agent is up, process ${child.pid}`);
      child.unref();
      return;
    }
    await delay(100);
  }
  const said = readFileSync(output, 'utf8').trim();
  // A file that is mapped into memory has no other way to say that a part of it is missing.
  const isMapped = exited === 'SIGBUS' || exited === 'SIGSEGV';
  throw new AppError(
    'AGENT_START',
    `The agent did not come up:${isMapped ? ` it was ended by ${exited}` : ''}\n${said}`,
    isMapped
      ? { hint: 'Its journal may be damaged: what to do is in docs/operating/recover.md' }
      : {},
  );
}
