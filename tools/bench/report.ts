import type { Results } from './rows.ts';

/** One line of the output. A ratio above 1 means that we are better. */
export interface Line {
  bench: string;
  ours: number | null;
  peer: number | null;
  ratio: number | null;
  unit: string;
  runs: number;
}

const UNITS: Record<string, string> = {
  'native-visible-p50': 'ms',
  'native-visible-p99': 'ms',
  'native-steady-tps': 'tps',
  'native-memory': 'MiB',
};
/** Rows in which more is better. */
const RATES = new Set(['native-steady-tps']);

/** Lines of the rows that both sides have, by the medians of their runs. */
export function compare(ours: readonly Results[], peer: readonly Results[]): Line[] {
  const names = [...new Set(ours.flatMap((results) => [...results.keys()]))];
  return names.map((bench) => {
    const mine = medianOf(ours, bench);
    const theirs = medianOf(peer, bench);
    const unit = UNITS[bench] ?? 's';
    const ratio = ratioOf(mine, theirs, RATES.has(bench));
    return { bench, ours: round(mine), peer: round(theirs), ratio, unit, runs: ours.length };
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
