import { isOrder } from '../../src/merge/claims.ts';
import { deletesOrphans } from '../../src/model/groups/derived-rules.ts';
import type { Entity, Model, Reference, Unique } from '../../src/model/ir/ir.ts';
import type { Random } from '../simulation/random.ts';
import { nullable, withGroup } from './revised-model.ts';
import type { Revisions } from './revised-model.ts';

/** Rules of unique constraints that need no operator. */
const CLASHES = ['earliest', 'latest', 'append-site', 'append-sequence'] as const;
const ORPHANS = [undefined, 'set null', 'delete', 'restore', 'park'] as const;
/** Those that derive no change: rows that keep history may have them. */
const UNDERIVED = { clashes: CLASHES.slice(0, 2), orphans: [undefined, 'park'] as const };

/**
 * A model, and its next revision with other rules of unique constraints and references. Some constraints are gone in it,
 * and some are new: references of columns that are there, and both with columns that are new.
 */
export function withRules(model: Model, random: Random): Revisions {
  const drawn = new DrawnRules(model, random);
  let before = model.entities.map((entity) => drawn.before(entity));
  let after = before.map((entity, at) => drawn.after(entity, model.entities[at]!));
  // What one reference restores no other one may delete, under either revision.
  const deleted = new Set([...before, ...after].filter(deletesOrphans).map(({ name }) => name));
  const legal = (all: Entity[]): Entity[] => all.map((one) => withoutEndless(one, deleted));
  [before, after] = [legal(before), legal(after)];
  return {
    name: model.name,
    sameRules: false,
    before: { ...model, revision: '2026-11-01', entities: before },
    after: { ...model, revision: '2026-12-01', entities: after },
  };
}

function withoutEndless(entity: Entity, deleted: ReadonlySet<string>): Entity {
  const references = entity.references.map((reference): Reference => {
    const isEndless = reference.onOrphan === 'restore' && deleted.has(reference.target.entity);
    return isEndless ? { ...reference, onOrphan: 'set null' } : reference;
  });
  return { ...entity, references };
}

class DrawnRules {
  readonly #model: Model;
  readonly #random: Random;

  constructor(model: Model, random: Random) {
    this.#model = model;
    this.#random = random;
  }

  /** With rules drawn, and without some references. */
  before(entity: Entity): Entity {
    return {
      ...entity,
      uniques: entity.uniques.map((unique) => this.#unique(entity, unique)),
      references: this.#references(entity).filter(() => this.#random.chance(70)),
    };
  }

  /** @param whole with all references */
  after(entity: Entity, whole: Entity): Entity {
    const next = {
      ...entity,
      uniques: entity.uniques.map((unique) => this.#unique(entity, unique)),
      references: this.#references(whole).filter(() => this.#random.chance(80)),
    };
    const wider = this.#withReference(this.#withUnique(next));
    const isKept = ({ name }: Unique): boolean => !isOld(name) || this.#random.chance(80);
    const isOld = (name: string): boolean => entity.uniques.some((unique) => unique.name === name);
    return { ...wider, uniques: wider.uniques.filter(isKept) };
  }

  #unique(entity: Entity, { name, columns }: Unique): Unique {
    const clash = this.#random.pick<(typeof CLASHES)[number]>(
      entity.history === undefined ? CLASHES : UNDERIVED.clashes,
    );
    const isText = (one: string): boolean =>
      entity.columns.some((column) => column.name === one && column.type === 'text');
    const append = clash.startsWith('append') ? columns.find(isText) : undefined;
    if (clash.startsWith('append') && append === undefined)
      return { name, columns, clash: 'earliest' };
    return { name, columns, clash, ...(append === undefined ? {} : { append }) };
  }

  #references(entity: Entity): Reference[] {
    return entity.references.map((reference) => {
      const { onOrphan: _, ...rest } = reference;
      const rule = this.#random.pick(entity.history === undefined ? ORPHANS : UNDERIVED.orphans);
      return { ...rest, ...(rule === undefined ? {} : { onOrphan: rule }) };
    });
  }

  /** A new column that is unique. */
  #withUnique(entity: Entity): Entity {
    if (entity.history !== undefined || this.#random.chance(40)) return entity;
    const wider = withGroup(entity, nullable('late_name', 'text'));
    const unique = { name: `${entity.table.name}_late_key`, columns: ['late_name'] };
    const drawn = this.#unique(wider, unique);
    // One order of rows decides all unique constraints of an entity.
    const order = entity.uniques.map(({ clash }) => clash).find(isOrder);
    const made = order !== undefined && isOrder(drawn.clash) ? { ...unique, clash: order } : drawn;
    return { ...wider, uniques: [...entity.uniques, made] };
  }

  /** A new column that refers to a row of another entity. */
  #withReference(entity: Entity): Entity {
    const targets = this.#model.entities.filter(
      ({ key, columns, name }) =>
        name !== entity.name &&
        key.length === 1 &&
        columns.some((column) => column.name === key[0] && column.type === 'integer'),
    );
    const isIn = entity.history !== undefined || targets.length === 0;
    if (isIn || this.#random.chance(40)) return entity;
    const target = this.#random.pick(targets);
    const rule = this.#random.pick(ORPHANS);
    const reference: Reference = {
      ...{ name: `${entity.table.name}_late_of_fkey`, columns: ['late_of'] },
      target: { entity: target.name, columns: [target.key[0]!] },
      onDelete: this.#random.pick(['restrict', 'cascade', 'set null'] as const),
      ...(rule === undefined ? {} : { onOrphan: rule }),
    };
    const wider = withGroup(entity, nullable('late_of', 'integer'));
    return { ...wider, references: [...entity.references, reference] };
  }
}
