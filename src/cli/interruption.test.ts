import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { sayWhenInterrupted } from './interruption.ts';

test('a command that a signal ends says what has become of it', () => {
  const said = mock.method(console, 'error', () => undefined);
  const exit = mock.method(process, 'exit', () => undefined as never);
  try {
    sayWhenInterrupted('Nothing was imported');
    process.emit('SIGINT');
    assert.deepEqual(said.mock.calls[0]?.arguments, [
      'syncline: Nothing was imported [INTERRUPTED]',
    ]);
    assert.deepEqual(exit.mock.calls[0]?.arguments, [130]);
  } finally {
    for (const name of ['SIGINT', 'SIGTERM']) process.removeAllListeners(name);
    mock.restoreAll();
  }
});
