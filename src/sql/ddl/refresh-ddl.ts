/** SQL that makes what an earlier build made of installed models what this one would make. All of it is idempotent. */
import type { Entity, Model } from '../../model/ir/ir.ts';
import { allEntities } from '../../model/ir/replicated.ts';
import { replicationObjects } from './entity-ddl.ts';
import { helperDdl } from './helper-ddl.ts';
import {
  countersDdl,
  modelGrants,
  ownerDdl,
  publicationDdl,
  partGrants,
  tableChangesDdl,
} from './install-ddl.ts';
import type { AdoptedTable, SiteRoles } from './install-ddl.ts';

export interface RefreshContext {
  site: number;
  roles: SiteRoles;
  tables: readonly AdoptedTable[];
  /** Major version of the server. */
  serverMajor: number;
}

/** Entities whose tables have triggers of ours. */
export function replicatedEntities(model: Model): Entity[] {
  return allEntities(model).filter((entity) => entity.local !== true);
}

/** Functions and tables beside those of the services; none that is in use is locked. */
export function refreshObjectsDdl(models: readonly Model[], site: number): string[] {
  return models.flatMap((model) => [
    ...helperDdl(model.entities),
    ...replicatedEntities(model).flatMap((entity) => replicationObjects(entity, site)),
    ...countersDdl(model, site),
  ]);
}

/** What is done under the locks of the services' tables: hidden columns, triggers, rights, owners. */
export function refreshTablesDdl(models: readonly Model[], context: RefreshContext): string[] {
  const { site, roles, tables, serverMajor } = context;
  const entities = models.flatMap(replicatedEntities);
  return [
    ...publicationDdl(tables, serverMajor),
    ...entities.flatMap((entity) => tableChangesDdl(entity, site)),
    ...models.flatMap((model) => modelGrants(model, roles)),
    ...partGrants(tables, roles),
    ownerDdl(models, roles.owner),
  ];
}
