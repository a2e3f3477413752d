import { fastStatements } from '../../sql/apply/apply-fast.ts';
import type { FastStatements } from '../../sql/apply/apply-fast.ts';
import { quickStatement } from '../../sql/apply/apply-quick.ts';
import type { Source } from '../../sql/apply/staged-source.ts';
import { canUnnest, stageColumns, stagedArrays, stagedByKey } from '../../sql/apply/staging.ts';
import type { EntityNet } from '../fold/entity-net.ts';
import type { EntityPlan } from '../rows/relation.ts';
import { StageEncoder } from './stage-writer.ts';

/** Everything that one plan needs in a session: encoder, staging table, statements. */
export class PlanStatements {
  readonly encoder: StageEncoder;
  readonly table: string;
  readonly small: FastStatements;
  readonly all: FastStatements;
  readonly ranged: FastStatements;
  readonly quick: { I: string; U: string };
  readonly isDead: string;
  /** Whether the session has that function. */
  knowsDead = false;
  readonly oids: number[];
  readonly unnest: boolean;
  /** Whether the staging table surely exists, and what this transaction has staged last. */
  staging = false;
  staged: EntityNet | undefined;

  constructor(plan: EntityPlan) {
    const { shape } = plan;
    this.encoder = new StageEncoder(plan);
    this.table = `crp_stage_${plan.id}`;
    const staged: Source = { from: stagedByKey(shape, this.table) };
    this.small = fastStatements(shape, { from: stagedArrays(shape) });
    this.all = fastStatements(shape, staged);
    this.ranged = fastStatements(shape, { ...staged, range: { lo: '$1', hi: '$2' } });
    this.isDead = `crp_dead_${plan.id}`;
    this.quick = {
      I: quickStatement(shape, 'I', this.isDead),
      U: quickStatement(shape, 'U', this.isDead),
    };
    this.oids = stageColumns(shape).map((column) => column.oid);
    this.unnest = canUnnest(shape);
  }
}
