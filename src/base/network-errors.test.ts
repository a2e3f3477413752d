import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchText, networkText } from './network-errors.ts';

test('a code of the network is told in words, and stays where it has none', () => {
  assert.equal(networkText('EAI_AGAIN'), 'the name server does not answer (EAI_AGAIN)');
  assert.equal(networkText('EPROTO'), 'EPROTO');
});

test('a failed fetch says why', async () => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  const foreign = Object.assign(new Error('self-signed certificate'), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
  const cases: [error: unknown, text: RegExp][] = [
    [new TypeError('fetch failed', { cause: refused }), /^nothing listens there.*ECONNREFUSED/],
    [new TypeError('fetch failed', { cause: foreign }), /^self-signed certificate \(DEPTH_ZERO/],
    [new TypeError('fetch failed', { cause: new Error('bad port') }), /^bad port$/],
    [new Error('it answered 503'), /^it answered 503$/],
    [AbortSignal.abort(new DOMException('late', 'TimeoutError')).reason, /^no answer in time$/],
  ];
  for (const [error, text] of cases) assert.match(fetchText(error), text);
  // Node's own: no server has the port 1.
  const real: unknown = await fetch('http://127.0.0.1:1/').catch((error: unknown) => error);
  assert.match(fetchText(real), /bad port|ECONNREFUSED/);
});
