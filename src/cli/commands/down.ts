import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { AppError } from '../../base/errors.ts';
import { readConfig } from '../../site/config/config.ts';
import { askAgent } from '../../site/agent/control.ts';
import { embeddedCluster } from '../../site/database/embedded.ts';
import { dirOption } from '../options.ts';

const STOP_LIMIT_MS = 30_000;

/** `syncline down`: stops the agent, and with `--database` its embedded server too. */
export function downCommand(): Command {
  return new Command('down')
    .description("stop the site's agent")
    .addOption(dirOption())
    .option('--database', 'stop the embedded PostgreSQL too', false)
    .action(async (options: { dir: string; database: boolean }) => {
      const config = readConfig(options.dir);
      await stopAgent(options.dir);
      if (options.database) await embeddedCluster(config)?.stop('fast');
    });
}

async function stopAgent(dir: string): Promise<void> {
  try {
    await askAgent(dir, 'down');
  } catch (error) {
    if ((error as AppError).code === 'AGENT_DOWN') return;
    throw error;
  }
  await agentEnded(dir);
}

/** Waits until an agent that is about to end does not answer any more. */
export async function agentEnded(dir: string, limitMs = STOP_LIMIT_MS): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    try {
      await askAgent(dir, 'ping');
    } catch (error) {
      const { code } = error as AppError;
      if (code === 'AGENT_DOWN') return;
      if (code !== 'AGENT_SILENT') throw error;
    }
    if (Date.now() > end) {
      throw new AppError('AGENT_STOP', `The agent did not stop within ${limitMs / 1000} s`, {
        hint: 'Its process id is in syncline status',
      });
    }
    await delay(50);
  }
}
