import { policyOf } from '../merge/policy.ts';
import type { Entity } from '../model/ir/ir.ts';
import { classify } from './classify.ts';
import type { DriftKind, Mending } from './classify.ts';
import { exchanged } from './exchange.ts';
import type { ComparedSite } from './remote.ts';
import { repair } from './repair.ts';
import { settle } from './settle.ts';
import type { SettledKey } from './settle.ts';
import type { Key } from './state.ts';
import { firstPass, suspectKeys } from './suspects.ts';

export interface VerifyOptions {
  /** Makes the rows equal; otherwise they are listed with what would be done. */
  repair: boolean;
  /** Longest list of differences in the report; the counts are exact. */
  limit: number;
  /** Longest wait for a site to apply what the others had, ms. */
  waitMs: number;
  /** Members that are not compared, and are asked how far they are. */
  witnesses: readonly ComparedSite[];
}

/** What `syncline verify --json` prints (docs/operating/verify.md). */
export interface VerifyReport {
  sites: string[];
  entities: EntityReport[];
  differences: DifferenceReport[];
  /** True when nothing is left: no difference, or all repaired, and every row could be compared. */
  equal: boolean;
  rows: number;
  seconds: number;
  rowsPerSecond: number;
}

export interface EntityReport {
  entity: string;
  rows: number;
  missing: number;
  resurrected: number;
  different: number;
  altered: number;
  repaired: number;
  /** Rows that kept changing, or whose changes did not arrive in time. */
  unsettled: number;
}

export interface DifferenceReport {
  entity: string;
  key: Record<string, string>;
  kind: DriftKind;
  mend: MendReport[];
  outcome: 'found' | 'repaired' | 'left';
  reason?: string;
}

/** As `Mending`, with the sites' names. */
export interface MendReport {
  site: string;
  do: Mending['do'];
  groups: { name: string; from: string; why: string }[];
}

/**
 * Compares sites entity by entity while they work, and makes them equal if asked to. Memory is bounded by
 * the keys of some buckets, and by some megabytes of rows to mend.
 *
 * @throws AppError of a site or of the link: a comparison that is not whole says nothing
 */
export async function verifySites(
  sites: readonly ComparedSite[],
  entities: readonly Entity[],
  options: VerifyOptions,
): Promise<VerifyReport> {
  const began = performance.now();
  const differences: DifferenceReport[] = [];
  const reports: EntityReport[] = [];
  for (const entity of entities) {
    reports.push(await new EntityComparison(sites, entity, { ...options, differences }).run());
  }
  const rows = reports.reduce((sum, report) => sum + report.rows, 0);
  const seconds = (performance.now() - began) / 1000;
  return {
    sites: sites.map((site) => site.name),
    ...{ entities: reports, differences },
    equal: reports.every((report) => differing(report) === report.repaired && !report.unsettled),
    ...{ rows, seconds: Math.round(seconds * 1000) / 1000 },
    rowsPerSecond: Math.round(rows / seconds),
  };
}

/** Number of rows that were found to differ. */
export function differing(report: EntityReport): number {
  return report.missing + report.resurrected + report.different + report.altered;
}

class EntityComparison {
  readonly #sites: readonly ComparedSite[];
  readonly #entity: Entity;
  readonly #options: VerifyOptions & { differences: DifferenceReport[] };
  readonly #report: EntityReport;

  constructor(
    sites: readonly ComparedSite[],
    entity: Entity,
    options: VerifyOptions & { differences: DifferenceReport[] },
  ) {
    this.#sites = sites;
    this.#entity = entity;
    this.#options = options;
    this.#report = {
      ...{ entity: entity.name, rows: 0, missing: 0, resurrected: 0 },
      ...{ different: 0, altered: 0, repaired: 0, unsettled: 0 },
    };
  }

  async run(): Promise<EntityReport> {
    const { rows, chunks } = await firstPass(this.#sites, this.#entity);
    this.#report.rows = rows;
    for (const buckets of chunks) await this.#chunk(buckets);
    return this.#report;
  }

  async #chunk(buckets: number[]): Promise<void> {
    const entity = this.#entity;
    const exchanged = () => this.#exchanged();
    const keys = await suspectKeys(this.#sites, entity, buckets);
    const { different, unsettled } = await settle(this.#sites, { entity, keys, exchanged });
    this.#report.unsettled += unsettled.length;
    const listed = different.map((row) => this.#note(row));
    if (this.#options.repair && different.length > 0) await this.#repair(different, listed);
  }

  async #repair(
    rows: readonly SettledKey[],
    listed: readonly (DifferenceReport | undefined)[],
  ): Promise<void> {
    const exchanged = () => this.#exchanged();
    const outcome = await repair(this.#sites, { entity: this.#entity, rows, exchanged });
    this.#report.repaired += outcome.repaired.length;
    const left = new Map(outcome.left.map((one) => [JSON.stringify(one.key), one]));
    for (const [index, { key }] of rows.entries()) {
      const report = listed[index];
      if (report === undefined) continue;
      const failed = left.get(JSON.stringify(key));
      report.outcome = failed === undefined ? 'repaired' : 'left';
      if (failed?.reason !== undefined) report.reason = failed.reason;
    }
  }

  #exchanged(): Promise<boolean> {
    const { waitMs, witnesses } = this.#options;
    return exchanged({ sites: this.#sites, witnesses, waitMs });
  }

  /** Counts a difference, and lists it while the list is not full. */
  #note({ key, states }: SettledKey): DifferenceReport | undefined {
    const drift = classify(policyOf(this.#entity), states)!;
    this.#report[drift.kind] += 1;
    const { differences, limit } = this.#options;
    if (differences.length >= limit) return undefined;
    const report: DifferenceReport = {
      ...{ entity: this.#entity.name, key: this.#keyObject(key), kind: drift.kind },
      mend: drift.mendings.map((mending) => this.#named(mending)),
      outcome: 'found',
    };
    differences.push(report);
    return report;
  }

  #keyObject(key: Key): Record<string, string> {
    return Object.fromEntries(this.#entity.key.map((name, place) => [name, key[place]!]));
  }

  #named(mending: Mending): MendReport {
    const name = (number: number): string =>
      this.#sites.find((site) => site.number === number)?.name ?? String(number);
    return {
      ...{ site: name(mending.site), do: mending.do },
      groups: mending.groups.map((group) => ({ ...group, from: name(group.from) })),
    };
  }
}
