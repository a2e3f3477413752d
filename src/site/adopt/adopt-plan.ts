/** What giving a site a model, or a later revision of one, comes to. */
import type { Client } from 'pg';
import { AppError } from '../../base/errors.ts';
import { bondsOf } from '../../apply/slow/orphans.ts';
import { canonicalJson } from '../../model/ir/hash.ts';
import type { Entity, Model } from '../../model/ir/ir.ts';
import { allEntities } from '../../model/ir/replicated.ts';
import {
  adoptChangesDdl,
  adoptedEntities,
  countersDdl,
  modelGrants,
  objectsDdl,
  ownerDdl,
  partGrants,
} from '../../sql/ddl/install-ddl.ts';
import type { AdoptedTable, AdoptOptions } from '../../sql/ddl/install-ddl.ts';
import { noteAllOrphans } from '../../sql/ddl/orphan-sql.ts';
import { upgradeDdl } from '../../sql/ddl/upgrade-ddl.ts';
import { checkAdoptions } from '../database/adoption.ts';
import { checkRolling } from './adopt-rolling.ts';
import type { EntityPart } from '../base-copy/base-format.ts';
import type { InstalledModel } from '../database/catalog.ts';
import { roleNames } from '../database/provision.ts';

export interface AdoptPlan {
  model: InstalledModel;
  /** The revision that the site has. */
  before: InstalledModel | undefined;
  /** Runs while everything is in use. */
  objects: string[];
  /** Tables that are locked then. */
  lock: Entity[];
  /** Runs under the locks. */
  changes: string[];
  /** Adopted tables that are new here, whose sequences are shared then. */
  tables: readonly AdoptedTable[];
  /** Runs at last: notes rows that have to wait for the target of a reference; `taken`: rows came of another site. */
  orphans: (taken: boolean) => string[];
  /** What a site that has the model already can give. */
  parts: EntityPart[];
  notes: string[];
}

export interface PlanContext {
  site: { name: string; number: number };
  serverMajor: number;
  installed: readonly InstalledModel[];
}

/**
 * @throws AppError MODEL_INSTALLED, MODEL_OLDER, MODEL_NOT_ROLLING, MODEL_CLASH, ADOPT_REFUSED
 */
export async function planAdoption(
  client: Client,
  model: InstalledModel,
  context: PlanContext,
): Promise<AdoptPlan> {
  const before = context.installed.find(({ ir }) => ir.name === model.ir.name);
  checkRevision(before, model);
  checkClash(model.ir, context.installed);
  const { tables, notes } = await checkAdoptions(client, [model.ir], context.site.number);
  if (before !== undefined)
    await checkRolling(client, { before: before.ir, after: model.ir, tables });
  const known = new Set(before === undefined ? [] : allEntities(before.ir).map(({ name }) => name));
  const added = tables.filter(({ entity }) => !known.has(entity.name));
  const plan = { model, before, notes, tables: added };
  return before === undefined
    ? { ...plan, ...newModel(model.ir, added, context) }
    : { ...plan, ...newRevision(before.ir, model.ir, { ...context, added }) };
}

type Work = Pick<AdoptPlan, 'objects' | 'lock' | 'changes' | 'orphans' | 'parts'>;

function newModel(model: Model, tables: readonly AdoptedTable[], context: PlanContext): Work {
  const { site } = context;
  return {
    objects: objectsDdl(model, site.number),
    lock: adoptedEntities(model).filter(({ local }) => local !== true),
    changes: [
      ...adoptChangesDdl(tables, adoptOptions(context)),
      ...countersDdl(model, site.number),
      ...rights(model, tables, context),
    ],
    orphans: () => [],
    parts: model.entities.map(({ name }) => ({ entity: name })),
  };
}

function newRevision(
  before: Model,
  model: Model,
  context: PlanContext & { added: readonly AdoptedTable[] },
): Work {
  const { site, added } = context;
  const oldOf = (entity: Entity): Entity | undefined =>
    before.entities.find(({ name }) => name === entity.name);
  const isChanged = (entity: Entity): boolean =>
    canonicalJson(oldOf(entity) ?? {}) !== canonicalJson(entity);
  const changed = model.entities.filter(
    (entity) => isChanged(entity) && (oldOf(entity) !== undefined || entity.adopted === true),
  );
  const parts = model.entities.flatMap((entity): EntityPart[] => {
    const old = oldOf(entity);
    if (old === undefined) return [{ entity: entity.name }];
    const known = new Set(old.groups.map((group) => group.name));
    const groups = entity.groups.map((group) => group.name).filter((name) => !known.has(name));
    return groups.length === 0 ? [] : [{ entity: entity.name, groups }];
  });
  return {
    objects: [],
    lock: changed,
    changes: [
      ...upgradeDdl(before, model, site.number),
      ...adoptChangesDdl(added, adoptOptions(context)),
      ...rights(model, added, context),
    ],
    orphans: (taken) => {
      const names = new Set(
        model.entities
          .filter((entity) => isChanged(entity) && (taken || oldOf(entity) !== undefined))
          .map(({ name }) => name),
      );
      return bondsOf(model)
        .filter(({ child, reference }) => names.has(child.name) && reference.onOrphan === 'park')
        .map(noteAllOrphans);
    },
    parts,
  };
}

function adoptOptions({ site, serverMajor }: PlanContext): AdoptOptions {
  return { site: site.number, serverMajor };
}

function rights(
  model: Model,
  tables: readonly AdoptedTable[],
  { site, installed }: PlanContext,
): string[] {
  const roles = roleNames(site.name);
  const others = installed.map(({ ir }) => ir).filter(({ name }) => name !== model.name);
  return [
    ...modelGrants(model, roles),
    ...partGrants(tables, roles),
    ownerDdl([...others, model], roles.owner),
  ];
}

function checkRevision(before: InstalledModel | undefined, model: InstalledModel): void {
  if (before === undefined) return;
  const { name, revision } = model.ir;
  if (before.hash === model.hash) {
    throw new AppError('MODEL_INSTALLED', `This site has "${name}" ${revision} already`, {
      hint: 'syncline status lists the models of a site',
    });
  }
  if (before.ir.revision >= revision) {
    throw new AppError(
      'MODEL_OLDER',
      `This site has "${name}" ${before.ir.revision}, and ${revision} is not later`,
      { hint: 'A changed model needs a new "revision" statement on top' },
    );
  }
}

/** One table belongs to one entity of one model. */
function checkClash(model: Model, installed: readonly InstalledModel[]): void {
  const names = ({ table, tombstone }: Entity): string[] => [
    `${table.schema}.${table.name}`,
    `crp.${tombstone}`,
  ];
  const mine = new Set(allEntities(model).flatMap(names));
  for (const { ir } of installed.filter((other) => other.ir.name !== model.name)) {
    const clash = allEntities(ir)
      .flatMap(names)
      .find((name) => mine.has(name));
    if (clash === undefined) continue;
    throw new AppError('MODEL_CLASH', `Model "${ir.name}" has the table "${clash}" already`, {
      hint: 'A table can be in one model only; take it out of one of them',
    });
  }
}
