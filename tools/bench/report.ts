import type { PeerMeasure, Results } from './rows.ts';
import type { Peer } from './side.ts';

/** One line of the output. A ratio above 1 means that we are better. */
export interface Line {
  bench: string;
  ours: number | null;
  peer: number | null;
  ratio: number | null;
  unit: string;
  runs: number;
  /** Why there is no number of the peer, and what to do. */
  skipped?: string;
  /** What kept a side from ending as it should. */
  failed?: string;
}

/** Units of the results that are no seconds. */
const UNITS: Record<string, string> = {
  'visible-p50': 'ms',
  'visible-p99': 'ms',
  'steady-tps': 'tps',
  memory: 'MiB',
  'twoway-tps': 'tps',
  'twoway-differ': 'rows',
  'twoway-lost': 'updates',
  fanout: 'CPU s per million',
};
/** Rows in which more is better. */
const RATES = new Set(['steady-tps', 'twoway-tps']);
/** Rows that are right only when they are 0: there is nothing to divide. */
const FAULTS = new Set(['twoway-differ', 'twoway-lost']);

/** Names of the rows that each measure gives. */
const ROWS: Record<PeerMeasure, readonly string[]> = {
  visible: ['visible-p50', 'visible-p99'],
  steady: ['steady', 'steady-tps'],
  outage: ['outage'],
  bulk: ['bulk', 'memory'],
  twoway: ['twoway', 'twoway-tps', 'twoway-differ', 'twoway-lost'],
  fanout: ['fanout'],
};

/** Lines of a peer that cannot be measured, with the reason. */
export function skippedLines(
  peer: Peer,
  measures: readonly PeerMeasure[],
  skipped: string,
): Line[] {
  return measures
    .flatMap((measure) => ROWS[measure])
    .map((name) => ({
      ...{ bench: `${peer}-${name}`, ours: null, peer: null, ratio: null },
      ...{ unit: UNITS[name] ?? 's', runs: 0, skipped },
    }));
}

/** Lines of all results, `peer-result`, by the medians of each side's runs. */
export function compare(peer: Peer, ours: readonly Results[], theirs: readonly Results[]): Line[] {
  const names = [...new Set([...ours, ...theirs].flatMap((results) => [...results.keys()]))];
  return names.map((name) => {
    const [mine, other] = [medianOf(ours, name), medianOf(theirs, name)];
    return {
      ...{ bench: `${peer}-${name}`, ours: round(mine), peer: round(other) },
      ratio: FAULTS.has(name) ? null : ratioOf(mine, other, RATES.has(name)),
      ...{ unit: UNITS[name] ?? 's', runs: Math.max(ours.length, theirs.length) },
    };
  });
}

/** Lines of the limits, to which no side belongs. */
export function limitLines(runs: readonly Results[]): Line[] {
  const names = [...new Set(runs.flatMap((results) => [...results.keys()]))];
  return names.map((bench) => ({
    ...{ bench, ours: null, peer: round(medianOf(runs, bench)), ratio: null },
    ...{ unit: 's', runs: runs.length },
  }));
}

/** Lines of the writer's cost: our table, then our table with capture, against the plain one. */
export function writerLines(runs: readonly Results[]): Line[] {
  const plain = medianOf(runs, 'plain');
  return (
    [
      ['native-writer-cost', 'stamped'],
      ['native-writer-cost-captured', 'captured'],
    ] as const
  ).map(([bench, name]) => {
    const ours = medianOf(runs, name);
    const ratio = ratioOf(ours, plain, true);
    return {
      bench,
      ours: round(ours),
      peer: round(plain),
      ratio,
      unit: 'tps',
      runs: runs.length,
    };
  });
}

function medianOf(runs: readonly Results[], name: string): number | undefined {
  const values = runs.flatMap((results) => results.get(name) ?? []).sort((a, b) => a - b);
  if (values.length === 0) return undefined;
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1]! + values[middle]!) / 2;
}

function ratioOf(ours: number | undefined, peer: number | undefined, rate: boolean): number | null {
  if (ours === undefined || peer === undefined) return null;
  return round(rate ? ours / peer : peer / ours);
}

function round(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toFixed(3));
}
