import { after, before, test } from 'node:test';
import { withConnection } from '../../../src/postgres/connect.ts';
import { AgentSite } from '../../support/agents.ts';
import { startServer } from '../../support/server.ts';
import type { TestServer } from '../../support/server.ts';
import { ClashGroup, equalSites, sitesOf, joinSite } from '../../support/site-group.ts';
import { KINDS, uniqueModel, uniqueTables } from '../../support/unique-model.ts';

/* Clashes under every kind of unique index that an adopted table may have, at two sites and at three. */

const MODEL = uniqueModel();
let server: TestServer;
const sites: AgentSite[] = [];

before(async () => {
  server = await startServer(18);
  await sitesOf(sites, { model: MODEL, database }, [['two', 2]]);
});

after(async () => {
  for (const site of sites) await site.remove();
  await server?.remove();
});

async function database(name: string): Promise<string> {
  const dsn = await server.createDatabase(name);
  await withConnection(dsn, 'test', (client) => client.query(uniqueTables(MODEL)));
  return dsn;
}

async function joined(name: string, number: number): Promise<void> {
  await joinSite(sites, { name, number, adminUrl: await database(name) });
}

const group = new ClashGroup(sites, { schema: 'public', column: "coalesce(name, '-')" });
const apart = group.apart.bind(group);
const everywhere = group.everywhere.bind(group);
const recorded = group.recorded.bind(group);
const equal = (): Promise<void> => equalSites(sites, [MODEL]);

/** Two values that the index of a kind takes for the same one. */
function claims(kind: string, from: number): [string | null, string | null] {
  if (kind === 'nulls') return [null, null];
  return kind === 'expression' ? [`s${from}`, `S${from}`] : [`s${from}`, `s${from}`];
}

function quoted(value: string | null): string {
  return value === null ? 'NULL' : `'${value}'`;
}

function insert(table: string, id: number, name: string | null, active = true): string {
  return `INSERT INTO ${table} VALUES (${id}, ${quoted(name)}, ${active}, 'n${id}')`;
}

/** A cut costs seconds until the links are there again: all kinds take part in one. */
async function apartOfKinds(
  kinds: readonly string[],
  from: number,
  make: (kind: string, claims: [string | null, string | null]) => string[],
): Promise<void> {
  const each = kinds.map((kind) => make(kind, claims(kind, from)));
  await apart(...each[0]!.map((_, site) => each.map((of) => of[site]!).join('; ')));
}

async function emptied(table: string, from: number): Promise<void> {
  await sites[0]!.sql.query(`DELETE FROM ${table}`);
  await everywhere(table, from, 'none');
}

const ALL = Object.keys(KINDS);
/** NULL has no next form. */
const WITH_FORMS = ALL.filter((kind) => kind !== 'nulls');

function atSites(from: number): void {
  test(`earliest: the earlier claim stands, the other row waits and comes in when it is free (${from})`, async () => {
    await apartOfKinds(ALL, from, (kind, [first, second]) => [
      insert(`${kind}_earliest`, from, first),
      insert(`${kind}_earliest`, from + 1, second),
    ]);
    for (const kind of ALL) {
      const table = `${kind}_earliest`;
      const [first, second] = claims(kind, from).map((name) => name ?? '-');
      await everywhere(table, from, `${from} ${first}`);
      await recorded(`${kind}-earliest`, from + 1, 'uniqueness earliest parked');
      await sites[0]!.sql.query(`UPDATE ${table} SET name = 'o${from}' WHERE id = ${from}`);
      await everywhere(table, from, `${from} o${from}, ${from + 1} ${second}`);
      await recorded(`${kind}-earliest`, from + 1, 'uniqueness earliest resolved');
    }
    await equal();
    for (const kind of ALL) await emptied(`${kind}_earliest`, from);
  });

  test(`append-sequence: the later one gets a number (${from})`, async () => {
    await apartOfKinds(WITH_FORMS, from, (kind, [first, second]) => [
      insert(`${kind}_append_sequence`, from, first),
      insert(`${kind}_append_sequence`, from + 1, second),
    ]);
    for (const kind of WITH_FORMS) {
      const [first, second] = claims(kind, from);
      const wanted = `${from} ${first}, ${from + 1} ${second}#2`;
      await everywhere(`${kind}_append_sequence`, from, wanted);
      await recorded(
        ...([`${kind}-append-sequence`, from + 1, 'uniqueness append-sequence resolved'] as const),
      );
    }
    await equal();
  });

  for (const kind of ALL) {
    test(`${kind}: two rows that exchange their values in one transaction exchange them (${from})`, async () => {
      const table = `${kind}_earliest`;
      await exchanged(
        table,
        from,
        `BEGIN; UPDATE ${table} SET name = 'tmp${from}' WHERE id = ${from};
        UPDATE ${table} SET name = 'x${from}' WHERE id = ${from + 1};
        UPDATE ${table} SET name = 'y${from}' WHERE id = ${from}; COMMIT`,
      );
    });
  }

  for (const kind of ['immediate', 'deferred']) {
    test(`${kind}: values that one statement exchanges, as only a deferrable constraint allows, are exchanged (${from})`, async () => {
      const table = `${kind}_earliest`;
      await exchanged(
        table,
        from,
        `UPDATE ${table} SET name = CASE left(name, 1) WHEN 'x' THEN 'y${from}' ELSE 'x${from}' END`,
      );
    });
  }

  test(`partial: rows outside the predicate do not clash, one that comes under it does (${from})`, async () => {
    const table = 'partial_earliest';
    await apart(insert(table, from, 'same'), insert(table, from + 1, 'same', false));
    await everywhere(table, from, `${from} same, ${from + 1} same`);
    // The one leaves the predicate at its site, the other comes under it at another one, and then leaves it.
    await sites[0]!.sql.query(
      `BEGIN; UPDATE ${table} SET active = false WHERE id = ${from};
       UPDATE ${table} SET active = true WHERE id = ${from + 1}; COMMIT`,
    );
    await everywhere(table, from, `${from} f same, ${from + 1} t same`, 'active, name');
    await sites[0]!.sql.query(`UPDATE ${table} SET active = false WHERE id = ${from + 1}`);
    await everywhere(table, from, `${from} f same, ${from + 1} f same`, 'active, name');
    // The earlier claim of the name stands under the predicate, whoever came under it first.
    const under = (id: number): string => `UPDATE ${table} SET active = true WHERE id = ${id}`;
    await apart(under(from + 1), under(from));
    await everywhere(table, from, `${from} t same`, 'active, name');
    await sites[0]!.sql.query(`UPDATE ${table} SET active = false WHERE id = ${from}`);
    await everywhere(table, from, `${from} f same, ${from + 1} t same`, 'active, name');
    await equal();
    await emptied(table, from);
  });
}

/** Two rows, named x and y, whose names the statement exchanges. */
async function exchanged(table: string, from: number, statement: string): Promise<void> {
  const { sql } = sites[0]!;
  await sql.query(`${insert(table, from, `x${from}`)}; ${insert(table, from + 1, `y${from}`)}`);
  await everywhere(table, from, `${from} x${from}, ${from + 1} y${from}`);
  await sql.query(statement);
  await everywhere(table, from, `${from} y${from}, ${from + 1} x${from}`);
  await equal();
  await emptied(table, from);
}

atSites(10);

test('a third site joins', () => joined('three', 7));

atSites(30);

test('of three claims at once one stands, the others take turns as the value gets free', async () => {
  await apartOfKinds(ALL, 60, (kind, [first, second]) =>
    [first, second, first].map((name, at) => insert(`${kind}_earliest`, 60 + at, name)),
  );
  for (const kind of ALL) {
    const [first, second] = claims(kind, 60);
    for (const [at, name] of [first, second, first].entries()) {
      await everywhere(`${kind}_earliest`, 60, `${60 + at} ${name ?? '-'}`);
      await sites[2 - at]!.sql.query(`DELETE FROM ${kind}_earliest WHERE id = ${60 + at}`);
    }
    await everywhere(`${kind}_earliest`, 60, 'none');
  }
  await equal();
});
