import type { Client } from 'pg';
import type { Model } from '../../src/model/ir/ir.ts';
import { catalogDdl } from '../../src/sql/ddl/catalog-ddl.ts';
import { modelDdl } from '../../src/sql/ddl/entity-ddl.ts';

/** Makes a site's catalogue and a model's tables and triggers in a database, and nothing else of a site. */
export async function installModel(
  sql: Client,
  site: { name: string; number: number },
  model: Model,
): Promise<void> {
  const catalog = catalogDdl({ site: { ...site, incarnation: 1 } });
  for (const statement of [...catalog, ...modelDdl(model, site.number)]) await sql.query(statement);
}
