/** Rules of whole rows: when they expire, who may insert a key, and who is told of what was applied. */
import type { ExtensionInstance } from '../../yang/schema-modules.ts';
import { argumentSpan } from '../../yang/statement.ts';
import { didYouMean } from '../../yang/suggest.ts';
import { crpChild } from '../statements/crp-reader.ts';
import type { ModelReporter } from '../diagnostics/diagnostic-codes.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { historyOf } from './history.ts';
import type { Claim, Entity, Expiry } from '../ir/ir.ts';

/** The rules of an entity; all entities must have their columns and references. */
export function entityRules(
  draft: EntityDraft,
  drafts: readonly EntityDraft[],
  reporter: ModelReporter,
): Pick<Entity, 'expires' | 'claim' | 'afterApply'> {
  const rules = new Rules(draft, drafts, reporter);
  const [expires, claim, channel] = [rules.expiry(), rules.claim(), rules.channel()];
  return {
    ...(expires === undefined ? {} : { expires }),
    ...(claim === undefined ? {} : { claim }),
    ...(channel === undefined ? {} : { afterApply: channel }),
  };
}

class Rules {
  readonly #draft: EntityDraft;
  readonly #drafts: readonly EntityDraft[];
  readonly #reporter: ModelReporter;

  constructor(draft: EntityDraft, drafts: readonly EntityDraft[], reporter: ModelReporter) {
    this.#draft = draft;
    this.#drafts = drafts;
    this.#reporter = reporter;
  }

  expiry(): Expiry | undefined {
    const statement = crpChild(this.#draft.statement, 'expires-at');
    if (statement === undefined) return undefined;
    const column = this.#column(this.#draft, statement, statement.argument ?? '');
    if (column === undefined) return undefined;
    if (sqlType(column) !== 'timestamp with time zone') {
      this.#refuse(statement, `${column.path} is no date-and-time`);
    }
    if (column.local || column.derived !== undefined) {
      this.#refuse(statement, `${column.path} is not replicated`);
    }
    const referring = this.#drafts.find((other) =>
      other.references.some((reference) => reference.target.entity === this.#draft.name),
    );
    if (referring !== undefined) {
      this.#refuse(statement, `"${referring.name}" refers to the rows, and would lose its target`);
    }
    if (historyOf(this.#draft, this.#reporter).history !== undefined) {
      this.#refuse(
        statement,
        'a rule of the entity needs the history of its rows, which would be gone',
      );
    }
    if (this.#draft.counters.length > 0) {
      this.#refuse(statement, 'what is in its counters (crp:escrow) would be gone');
    }
    return { column: column.name, grace: seconds(crpChild(statement, 'grace')?.argument) };
  }

  claim(): Claim | undefined {
    const statement = crpChild(this.#draft.statement, 'claim');
    const ranges = this.#drafts.find((other) => other.name === statement?.argument);
    const range = crpChild(statement, 'key-range');
    const leaf = crpChild(statement, 'owner-leaf');
    if (statement === undefined || range === undefined || leaf === undefined) return undefined;
    if (ranges === undefined || ranges === this.#draft) {
      this.#refuse(statement, `there is no other entity "${statement.argument}" in the model`);
      return undefined;
    }
    const key = this.#draft.columns.filter((column) => column.isKey).at(-1)!;
    const ends = (range.argument ?? '')
      .split(/ +/)
      .map((path) => this.#column(ranges, range, path));
    const owner = this.#column(ranges, leaf, leaf.argument ?? '');
    const [first, last] = ends;
    if (first === undefined || last === undefined || owner === undefined) return undefined;
    for (const end of [first, last]) {
      if (sqlType(end) === sqlType(key) && end.notNull) continue;
      this.#refuse(range, `${end.path} has to be mandatory and of the type of ${key.path}`);
    }
    if (!owner.notNull || owner.type.class !== 'text') {
      this.#refuse(leaf, `${owner.path} has to be a mandatory leaf with the name of a site`);
    }
    const names = { first: first.name, last: last.name, owner: owner.name };
    return { key: key.name, ranges: ranges.table, ...names };
  }

  channel(): string | undefined {
    const statement = crpChild(this.#draft.statement, 'after-apply');
    const channel = statement?.argument;
    if (statement !== undefined && channel?.startsWith('crp_') === true) {
      this.#refuse(statement, 'channels that begin with "crp_" are those of replication');
    }
    return channel;
  }

  #column(draft: EntityDraft, statement: ExtensionInstance, path: string): ColumnDraft | undefined {
    const column = draft.columns.find((one) => one.path === path);
    if (column !== undefined) return column;
    const paths = draft.columns.map((one) => one.path);
    const names = { path, where: `entity "${draft.name}"` };
    const hint = didYouMean(path, paths);
    this.#reporter.report('unknown-path', argumentSpan(statement.statement), names, { hint });
    return undefined;
  }

  #refuse(statement: ExtensionInstance, reason: string): void {
    const names = { statement: statement.name, reason };
    this.#reporter.report('crp-does-not-fit', argumentSpan(statement.statement), names);
  }
}

function sqlType(column: ColumnDraft): string {
  const type = column.sqlType ?? column.type.sql;
  return type === 'timestamptz' ? 'timestamp with time zone' : type;
}

/** Of an ISO 8601 duration of days, hours, minutes and seconds, whose grammar was checked. */
function seconds(duration: string | undefined): number {
  const part = (unit: string): number =>
    Number(new RegExp(`(\\d+(?:\\.\\d+)?)${unit}`).exec(duration ?? '')?.[1] ?? 0);
  return part('D') * 86_400 + part('H') * 3600 + part('M') * 60 + part('S');
}
