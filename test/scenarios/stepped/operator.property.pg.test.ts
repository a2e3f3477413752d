import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isIntegrityViolation } from '../../../src/apply/rows/integrity.ts';
import { AppError } from '../../../src/base/errors.ts';
import type { Model } from '../../../src/model/ir/ir.ts';
import { settleConflict } from '../../../src/site/upkeep/settle.ts';
import type { Keep } from '../../../src/site/upkeep/settle.ts';
import { Random } from '../../simulation/random.ts';
import { clashModel } from '../../support/clash-model.ts';
import { withDrawn } from '../../support/drawn-group.ts';
import { historyModel } from '../../support/history-model.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { SteppedGroup } from '../../support/stepped-group.ts';
import type { SteppedSite } from '../../support/stepped-site.ts';
import { SEED } from '../../support/seed.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
/** Rounds of decisions about what still waits; each decision can make others wait. */
const MOST_ROUNDS = 30;

let server: TestServer;

before(async () => {
  server = await startServer(18);
});

after(async () => {
  await server?.remove();
});

/** Those who decide, each at a site, without knowledge of each other. */
class Operators {
  readonly #group: SteppedGroup;
  readonly #model: Model;
  readonly #random: Random;
  #names = 0;

  constructor(group: SteppedGroup, model: Model, random: Random) {
    this.#group = group;
    this.#model = model;
    this.#random = random;
  }

  /** Somebody settles a conflict that is recorded, in some way; not every way is open. */
  async decide(site: SteppedSite): Promise<void> {
    const { rows } = await site.sql.query<{ id: string; entity: string }>(
      'SELECT id, entity FROM crp.conflict ORDER BY id DESC LIMIT 20',
    );
    if (rows.length === 0) return;
    const { id, entity } = this.#random.pick(rows);
    const keep = this.#random.pick<Keep>([
      ...([{ image: 'local' }, { image: 'remote' }] as const),
      { values: this.#values(entity) },
    ]);
    await settle(site, Number(id), keep);
  }

  /** Each row that waits gets values that nothing forbids, until none does. */
  async finish(): Promise<void> {
    const { sites } = this.#group;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      await this.#group.exchange();
      const waiting = await Promise.all(sites.map((site) => parked(site)));
      const at = waiting.findIndex((ids) => ids.length > 0);
      if (at < 0) return;
      for (const { id, entity } of waiting[at]!)
        await settle(sites[at]!, Number(id), { values: this.#values(entity) });
    }
    assert.fail(`rows still wait after ${MOST_ROUNDS} rounds of decisions`);
  }

  /** Values that no constraint forbids. */
  #values(entity: string): Record<string, unknown> {
    this.#names += 1;
    const { columns } = this.#model.entities.find(({ name }) => name === entity)!;
    const has = (name: string): boolean => columns.some((column) => column.name === name);
    if (has('name')) return { name: `decided ${this.#names}` };
    if (has('v')) return { v: this.#names };
    return has('of') ? { of: null } : { note: 'decided' };
  }
}

const parked = async (site: SteppedSite): Promise<{ id: string; entity: string }[]> =>
  (
    await site.sql.query<{ id: string; entity: string }>(
      `SELECT id, entity FROM crp.conflict WHERE status = 'parked' ORDER BY id`,
    )
  ).rows;

/** What an operator is told instead of it being done is a fine answer here. */
async function settle({ sql }: SteppedSite, id: number, keep: Keep): Promise<void> {
  try {
    await settleConflict(sql, id, keep);
  } catch (error) {
    const isTold = error instanceof AppError && error.code.startsWith('CONFLICT_');
    if (!isTold && !isIntegrityViolation(error)) throw error;
  }
}

const CLASHES: Model = { ...clashModel(), name: 'operator-clash' };
const HISTORY: Model = { ...historyModel(), name: 'operator-history' };

for (const [at, model] of [CLASHES, HISTORY].entries()) {
  test(`operators settle conflicts at three sites while all write, and what waits in the end: equal (${model.name}; seed ${SEED})`, async () => {
    const random = new Random(SEED + at);
    await withDrawn(server, model, SEED + at, async (group, drawn) => {
      const operators = new Operators(group, model, random);
      for (let round = 1; round <= ROUNDS; round++) {
        await drawn.round();
        for (let left = random.int(6); left > 0; left--)
          await operators.decide(random.pick(group.sites));
      }
      await operators.finish();
      await group.assertEqual();
    });
  });
}

/** How the row with key 2 is in the end, at every site. */
const DECIDED: readonly [keep: Keep, name: string, note: string][] = [
  [{ image: 'local' }, 'older', 'first'],
  [{ values: { name: 'decided' } }, 'decided', 'second'],
];

test('what is decided of a row counts also where a later insert of its key waits', async () => {
  const group = await SteppedGroup.open(server, { ...clashModel(), name: 'later-insert' });
  const [one, two] = group.sites;
  try {
    for (const [keep, name, note] of DECIDED) {
      await one!.sql.query(`INSERT INTO test.park (id, name, note, uses)
        VALUES (2, 'older', 'first', 1), (6, 'taken', NULL, 1)`);
      await two!.sql.query(
        `INSERT INTO test.park (id, name, note, uses) VALUES (2, 'taken', 'second', 1)`,
      );
      await group.exchange();
      const [conflict, ...others] = await parked(one!);
      assert.deepEqual(others, []);
      await settleConflict(one!.sql, Number(conflict!.id), keep);
      await group.exchange();
      await group.assertEqual();
      for (const site of group.sites) {
        const { rows } = await site.sql.query('SELECT id, name, note FROM test.park ORDER BY id');
        assert.deepEqual(rows, [
          { id: 2, name, note },
          { id: 6, name: 'taken', note: null },
        ]);
        assert.equal((await site.sql.query('SELECT FROM crp.waiting')).rowCount, 0);
      }
      await one!.sql.query('DELETE FROM test.park');
      await group.exchange();
    }
  } finally {
    await group.close();
  }
});
