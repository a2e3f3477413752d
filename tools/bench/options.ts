import { parseArgs } from 'node:util';
import { MEASURES, PEER_MEASURES } from './rows.ts';
import type { Measure, PeerMeasure } from './rows.ts';
import { FULL, QUICK, QUICK_PEERS, SMOKE } from './settings.ts';
import type { Sizes } from './settings.ts';
import { PEERS } from './side.ts';
import type { Peer } from './side.ts';

export const USAGE = `Usage:
  npm run bench -- native [--rows ${MEASURES.join(',')},writer,limits] [--side native|syncline]
  npm run bench -- peers [--peers ${PEERS.join(',')}] [--rows ${PEER_MEASURES.join(',')}] [--install]
Both: [--runs N] [--quick | --smoke]

Syncline against PostgreSQL's native subscription, and against all peers: same servers, same load. One JSON
object a line: {"bench","ours","peer","ratio","unit","runs"}; a ratio above 1 means that Syncline is better.
--install (as root) installs what the peers need with apt-get. --smoke shows only that it works.
`;

interface Common {
  sizes: Sizes;
  runs: number;
}

export interface NativeOptions extends Common {
  command: 'native';
  measures: Measure[];
  writer: boolean;
  limits: boolean;
  sides: ('native' | 'syncline')[];
}

export interface PeersOptions extends Common {
  command: 'peers';
  peers: Peer[];
  measures: PeerMeasure[];
  install: boolean;
}

/**
 * Reads the command line.
 *
 * @throws Error with what is wrong and what may be there
 */
export function parseOptions(args: readonly string[]): NativeOptions | PeersOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      runs: { type: 'string' },
      side: { type: 'string' },
      peers: { type: 'string' },
      quick: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      install: { type: 'boolean', default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (command !== 'native' && command !== 'peers') {
    throw new Error(`the benchmark is "native" or "peers", not "${command ?? ''}"`);
  }
  if (rest.length > 0) throw new Error(`there is no second benchmark: "${rest.join(' ')}"`);
  const quick = command === 'native' ? QUICK : QUICK_PEERS;
  const common = {
    sizes: values.smoke ? SMOKE : values.quick ? quick : FULL,
    runs: count(values.runs ?? (values.quick || values.smoke ? '1' : '3')),
  };
  if (command === 'peers') {
    return {
      ...{ command, ...common, install: values.install },
      peers: chosen('--peers', values.peers, PEERS),
      measures: rowsOf(values.rows, PEER_MEASURES),
    };
  }
  const rows = rowsOf(values.rows, [...MEASURES, 'writer', 'limits'] as const);
  return {
    ...{ command, ...common },
    measures: MEASURES.filter((measure) => rows.includes(measure)),
    ...{ writer: rows.includes('writer'), limits: rows.includes('limits') },
    sides: chosen('--side', values.side, ['native', 'syncline'] as const),
  };
}

function count(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 100) return runs;
  throw new Error(`--runs must be a whole number 1..100, not "${text}"`);
}

/** Names of rows as they are printed (`native-steady-tps`) mean what measures them. */
function rowsOf<T extends string>(text: string | undefined, known: readonly T[]): T[] {
  const names = text?.split(',').map((row) => {
    const name = row.replace(new RegExp(`^(${PEERS.join('|')})-`), '');
    if (name === 'memory') return 'bulk';
    return known.find((measure) => name === measure || name.startsWith(`${measure}-`)) ?? name;
  });
  return chosen('--rows', names?.join(','), known);
}

function chosen<T extends string>(
  option: string,
  text: string | undefined,
  known: readonly T[],
): T[] {
  const names = text?.split(',') ?? [...known];
  const unknown = names.filter((name) => !known.some((one) => one === name));
  if (unknown.length === 0) return known.filter((one) => names.includes(one));
  throw new Error(`${option} may have ${known.join(', ')}, not "${unknown.join(', ')}"`);
}
