import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { dirOption, requireValues } from './options.ts';

function parse(...args: string[]): Record<string, unknown> {
  const command = new Command('leave')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addOption(dirOption())
    .option('--without <site...>', 'members', [])
    .option('--json', 'JSON', false);
  requireValues(command);
  return command.parse(args, { from: 'user' }).opts();
}

test('an option is not taken for the value of the one before it', () => {
  for (const args of [
    ['--without', '--dir', 'muc'],
    ['--without', '-d', 'muc'],
    ['--without', '--dir=muc'],
    ['--without', '--help'],
    ['--dir', '--json'],
    ['--without'],
  ]) {
    const error = { code: 'commander.optionMissingArgument' };
    assert.throws(() => parse(...args), error, args.join(' '));
  }
});

test('values end where the next option begins, and may begin with a dash', () => {
  const found = parse('--without', 'ber', 'zur', '--dir', '-x');
  assert.deepEqual([found['without'], found['dir']], [['ber', 'zur'], '-x']);
});
