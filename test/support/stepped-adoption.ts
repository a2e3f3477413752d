import { silentLog } from '../../src/base/log.ts';
import type { Model } from '../../src/model/ir/ir.ts';
import { withConnection } from '../../src/postgres/connect.ts';
import { inTransaction, runAll } from '../../src/postgres/transaction.ts';
import { planAdoption } from '../../src/site/adopt/adopt-plan.ts';
import { AdoptedRows } from '../../src/site/adopt/adopt-rows.ts';
import { putModel } from '../../src/site/adopt/adopt-change.ts';
import type { BasePart, BasePartEnd } from '../../src/site/base-copy/base-format.ts';
import { partTables, serveBase } from '../../src/site/base-copy/base-serve.ts';
import { readModels, readSite } from '../../src/site/database/catalog.ts';
import { readServer, roleNames } from '../../src/site/database/provision.ts';
import { inProcess } from './in-process-copy.ts';
import type { ServeCopy } from './in-process-copy.ts';
import type { SteppedSite } from './stepped-site.ts';

/** How a site takes a revision that another one has already. */
export interface Taking {
  from: SteppedSite;
  /** Happens between the copy and its being put in place; nothing may be applied at this site. */
  meanwhile?: () => Promise<void>;
}

/**
 * Gives a site a later revision of its model as `syncline adopt` does.
 *
 * @param taking absent: no other site has it
 */
export async function adopt(
  site: SteppedSite,
  { model, others, taking }: { model: Model; others: readonly SteppedSite[]; taking?: Taking },
): Promise<void> {
  const installed = { ir: model, hash: model.revision };
  await withConnection(site.dsn, 'test adopt', async (client) => {
    const own = await readSite(client);
    for (const role of Object.values(roleNames(own.name)))
      await client.query(
        `DO $$ BEGIN CREATE ROLE "${role}"; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      );
    const plan = await planAdoption(client, installed, {
      ...{ site: own, serverMajor: await readServer(client), installed: await readModels(client) },
    });
    const rows = taking && new AdoptedRows({ client, plan, site: own, root: '', log: silentLog() });
    if (rows !== undefined) await take(site, rows, { ...taking!, others });
    await inTransaction(client, async () => {
      await runAll(client, [...plan.objects, ...plan.changes]);
      await putModel(client, plan, rows);
    });
  });
  await site.revise([model]);
}

/** The copy, of a site that has all that the one that takes it has; then that one catches up with the copy. */
async function take(
  site: SteppedSite,
  rows: AdoptedRows,
  { from, meanwhile, others }: Taking & { others: readonly SteppedSite[] },
): Promise<void> {
  const third = others.filter((one) => one !== from && one !== site);
  await from.capture();
  while (third.some((one) => from.applied(one) < site.applied(one))) {
    for (const one of [...third, site]) await from.apply(one, 1);
  }
  const upTo = new Map(third.map((one) => [one, from.applied(one)]));
  upTo.set(from, from.made);
  await catchUp(site, upTo);
  await rows.take(inProcess(givenBy(from)));
  await meanwhile?.();
}

async function catchUp(site: SteppedSite, upTo: Map<SteppedSite, number>): Promise<void> {
  const behind = (): boolean => [...upTo].some(([one, count]) => site.applied(one) < count);
  while (behind())
    for (const [one, count] of upTo) {
      const left = count - site.applied(one);
      if (left > 0) await site.apply(one, left);
    }
}

/** Gives parts of a site's data. */
function givenBy({ dsn, position }: SteppedSite): ServeCopy {
  return async (stream, body) => {
    const models = await withConnection(dsn, 'test adopt', readModels);
    const said: BasePartEnd = { journal: position.toString() };
    await serveBase(dsn, stream, new AbortController().signal, {
      tables: partTables(models, JSON.parse(body!) as BasePart),
      position: () => Promise.resolve(position),
      end: () => Promise.resolve(Buffer.from(JSON.stringify(said))),
    });
  };
}
