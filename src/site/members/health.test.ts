import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { checkGreeting } from './gossip.ts';
import { sayProblems, sayState } from './health.ts';
import type { Health } from './health.ts';
import type { PassedOver } from '../../capture/passed-over.ts';
import { OwnHealth } from './own-health.ts';
import type { OwnHealthContext } from './own-health.ts';
import { PeerHealth } from './peer-health.ts';

const NAMES = new Map([
  [1, 'one'],
  [3, 'three'],
]);

/** A greeting as it comes over the wire. @param health as builds that say it have it */
function greeting(health?: unknown): unknown {
  const site = { name: 'two', number: 2, address: null, incarnation: 1, state: 'active' };
  const said = { site, members: [site], applied: [], mark: { sequence: 0, position: '0' }, health };
  return JSON.parse(JSON.stringify(said));
}

const FINE: Health = { capture: { state: 'running', behind: 300 }, apply: [], problems: [] };

/** A peer that said this so long ago, ms. */
function heard(health: Health | undefined, ago = 0): PeerHealth {
  let now = 1_000_000;
  const peer = new PeerHealth('two', silentLog(), () => now);
  peer.heard(health);
  now += ago;
  return peer;
}

test('a greeting of an earlier build says nothing of its parts, and all is as it was', () => {
  const { health } = checkGreeting(greeting(), 'two');
  assert.equal(health, undefined);
  const peer = heard(health, 3_600_000);
  assert.deepEqual(peer.status(NAMES), { unapplied: [], problems: [] });
  assert.equal(peer.behind(), 0);
  assert.deepEqual(peer.errors(NAMES, true), []);
});

test('what a greeting says is what was said', () => {
  const now = Date.now();
  const failed = sayState({ state: 'failed', since: now - 5_000, error: 'x'.repeat(2_000) }, now);
  const problems = Array.from({ length: 9 }, () => ({
    at: new Date(now).toISOString(),
    message: 'p',
  }));
  const health: Health = {
    capture: { ...failed, behind: 70_000 },
    apply: [[3, { state: 'waiting', since: 6_000, error: 'held back' }]],
    problems: sayProblems(problems, now),
  };
  assert.deepEqual(checkGreeting(greeting(health), 'two').health, health);
  assert.equal(health.capture.error?.length, 1_000);
  assert.equal(health.problems.length, 5);
});

const MALFORMED: [what: string, health: unknown][] = [
  ['null', null],
  ['no capture', { apply: [], problems: [] }],
  ['an age before its time', { ...FINE, capture: { state: 'running', behind: -1 } }],
  ['a text without end', { ...FINE, capture: { state: 'failed', error: 'x'.repeat(1_001) } }],
  ['an origin by name', { ...FINE, apply: [['one', { state: 'failed' }]] }],
  ['problems without texts', { ...FINE, problems: [[0, 1]] }],
];

for (const [what, health] of MALFORMED) {
  test(`a greeting with ${what} is refused`, () => {
    assert.throws(() => checkGreeting(greeting(health), 'two'), { code: 'LINK_PROTOCOL' });
  });
}

const BEHIND: [what: string, capture: Health['capture'], ago: number, seconds: number][] = [
  ['runs', { state: 'running', behind: 300 }, 10_000, 0],
  ['runs, and is far behind under load', { state: 'running', behind: 90_000 }, 2_000, 92],
  ['has failed a moment ago', { state: 'failed', since: 0, behind: 20_000 }, 10_000, 0],
  ['has failed for long', { state: 'failed', since: 3_600_000, behind: 3_601_000 }, 1_000, 3_602],
  ['begins', { state: 'starting', behind: 3_600_000 }, 1_000, 0],
  ['was not heard of for two minutes', { state: 'running', behind: 0 }, 120_000, 120],
  ['does not know', { state: 'failed', since: 3_600_000 }, 0, 0],
];

for (const [what, capture, ago, seconds] of BEHIND) {
  test(`capture of a peer ${what}: ${seconds} s`, () => {
    assert.equal(heard({ ...FINE, capture }, ago).behind(), seconds);
  });
}

test('what is wrong at a peer is told until it says another thing', () => {
  const peer = heard({
    capture: { state: 'failed', since: 60_000, error: 'no table [TABLE_RENAMED]', behind: 61_000 },
    apply: [[1, { state: 'failed', since: 9_000, error: 'no column [TABLE_CHANGED]' }]],
    problems: [[0, 'trigger is off']],
  });
  const { capture, unapplied, problems } = peer.status(NAMES);
  assert.deepEqual([capture?.state, unapplied[0]?.site, problems.length], ['failed', 'one', 1]);
  assert.ok(capture!.until! < capture!.since!);
  assert.deepEqual(
    peer.errors(NAMES, true).map(({ message }) => message),
    [
      'at two: trigger is off',
      'apply of one at two (failed): no column [TABLE_CHANGED]',
      'capture at two (failed): no table [TABLE_RENAMED]',
    ],
  );
  peer.heard(FINE);
  assert.deepEqual(peer.errors(NAMES, true), []);
});

test('a peer that says nothing any more is silent, and why it does not answer is the error where the link is up', () => {
  const peer = heard(FINE, 61_000);
  peer.unanswered(new Error('its database is away'));
  assert.equal(peer.status(NAMES).capture?.state, 'silent');
  assert.deepEqual(
    peer.errors(NAMES, true).map(({ message }) => message),
    ['capture at two (silent): its database is away'],
  );
  assert.deepEqual(peer.errors(NAMES, false), []);
});

/** A site of which this is wrong. */
function own(wrong: {
  capture?: string;
  apply?: number;
  since?: number;
  passedOver?: PassedOver[];
}): OwnHealth {
  const at = new Date(Date.now() - (wrong.since ?? 60_000)).toISOString();
  const status = { origin: 3, state: 'running', lastError: { at, message: 'locked' } } as const;
  const counts = { applied: 0n, commitTime: 0n, transactions: 0, changes: 0, conflicts: 0 };
  const context: OwnHealthContext = {
    capture: () => ({
      ...{ state: 'running', position: 0n, behind: 5 },
      passedOver: wrong.passedOver ?? [],
    }),
    captureFailure: () => wrong.capture,
    origins: () =>
      wrong.apply === undefined
        ? []
        : [
            {
              origin: wrong.apply,
              status: { ...status, ...counts, parked: 0, since: at },
              failure: undefined,
            },
          ],
    problems: () => [],
  };
  return new OwnHealth(context);
}

test('a site says of its parts which do not work, not what lasts a moment', () => {
  assert.deepEqual(own({}).say(), { ...FINE, capture: { state: 'running', behind: 5 } });
  const { capture } = own({ capture: 'no table' }).say();
  assert.deepEqual([capture.state, capture.error], ['failed', 'no table']);
  const [[origin, part] = []] = own({ apply: 3 }).say().apply;
  assert.deepEqual([origin, part?.state, part?.error], [3, 'retrying', 'locked']);
  assert.deepEqual(own({ apply: 3, since: 1_000 }).say().apply, []);
});

test('what is new is said at once, and once', () => {
  const wrong: { capture?: string } = {};
  const health = own(wrong);
  assert.deepEqual([health.isNew(), health.isNew()], [true, false]);
  wrong.capture = 'no table';
  assert.deepEqual([health.isNew(), health.isNew()], [true, false]);
});

test('what capture had to leave out is a problem that others are told of, once, of some tables', () => {
  const at = new Date().toISOString();
  const passedOver = ['s.a', 's.b', 's.c'].map((table) => ({
    ...{ table, by: 'truncate' as const, changes: 1, at },
  }));
  const wrong: { passedOver: PassedOver[] } = { passedOver: [] };
  const health = own(wrong);
  health.isNew();
  wrong.passedOver = passedOver;
  const { problems } = health.say();
  assert.deepEqual(
    problems.map(([, message]) => message.split('\n')[0]),
    ['s.a', 's.b'].map(
      (table) => `TRUNCATE of table "${table}" reaches no other site [CHANGES_PASSED_OVER]`,
    ),
  );
  assert.deepEqual([health.isNew(), health.isNew()], [true, false]);
  // More of the same is nothing new.
  wrong.passedOver = passedOver.map((one) => ({ ...one, changes: 9 }));
  assert.equal(health.isNew(), false);
});
