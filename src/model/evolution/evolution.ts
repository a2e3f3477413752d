/**
 * What changed between two revisions of a model, whether RFC 7950 §11 allows it, and whether the sites of a
 * group may take the new revision one after the other.
 */
import type { SchemaContext } from '../../yang/schema.ts';
import type { Position } from '../../yang/source.ts';
import type { Model } from '../ir/ir.ts';
import { rollingObstacles } from './compatible.ts';
import { compareEntities } from './evolution-merge.ts';
import { compareModules } from './evolution-schema.ts';

/**
 * `rolling`: changes captured under either revision can be applied under the other, so sites change one by
 * one while the service runs. `together`: writing stops, all sites change, writing goes on.
 */
export type Rollout = 'rolling' | 'together';

/** One difference between two revisions. */
export interface Difference {
  /** Schema path, or entity and group. */
  path: string;
  /** `leaf added`, `range narrowed` … */
  what: string;
  /** False: RFC 7950 §11 forbids it, or it would lose or refuse data that are there. */
  allowed: boolean;
  rollout: Rollout;
  /** Where it is in the new revision; of what is gone, in the old one. */
  position: Position;
  /** What to do instead, for what is not allowed. */
  hint?: string;
}

/** A compiled revision. */
export interface Revision {
  model: Model;
  context: SchemaContext;
}

/** All differences, in the order of the schema. */
export function compareRevisions(before: Revision, after: Revision): Difference[] {
  const [one, other] = [before, after].map(({ model, context }) => context.findModule(model.name));
  const differences: Difference[] = [];
  if (one !== undefined && other !== undefined) {
    differences.push(...compareModules(one, other), ...compareEntities(before, after));
    if (differences.every(({ rollout }) => rollout === 'rolling')) {
      differences.push(...furtherObstacles(before, after, other.position));
    }
  }
  if (differences.length > 0 && before.model.revision >= after.model.revision) {
    differences.unshift({
      path: `/${after.model.name}`,
      what: `revision ${after.model.revision} is not newer than ${before.model.revision}`,
      allowed: false,
      rollout: 'rolling',
      position: other!.position,
      hint: 'Every change of a published model needs a new "revision" statement on top.',
    });
  }
  return differences;
}

/** What RFC 7950 §11 allows and nothing above is against, and yet cannot be taken site by site. */
function furtherObstacles(before: Revision, after: Revision, position: Position): Difference[] {
  return rollingObstacles(before.model, after.model).map((what) => ({
    ...{ path: `/${after.model.name}`, what, position },
    ...{ allowed: true, rollout: 'together' },
  }));
}
