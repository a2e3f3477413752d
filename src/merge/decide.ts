import { addDifference, meanOf } from './decimal.ts';
import { bestValue } from './order.ts';
import { siteOfStamp } from './stamps.ts';
import type { Decider, FunctionCall, GroupPolicy, RowVersion, Value, Winner } from './types.ts';

/** Two values of an ordered group that meet: `before` is what the origin of `after` saw. */
export interface Meeting {
  index: number;
  group: GroupPolicy;
  before: RowVersion | undefined;
  current: RowVersion;
  after: RowVersion;
}

export interface Decision {
  method: string;
  winner: Winner;
  /** By column of the group; only of `merged`. */
  values?: Value[];
  parked?: true;
}

/** Asks for the results of SQL functions, one at a time, and ends with the decision. */
export type Asking<T> = Generator<FunctionCall, T, Value>;

/** The first method that can decide does; when none can, the current value stands and the row is parked. */
export function* decide(meeting: Meeting): Asking<Decision> {
  for (const decider of meeting.group.methods ?? []) {
    const decision =
      decider.method === 'sql-function'
        ? yield* askFunction(decider, meeting)
        : tryMethod(decider, meeting);
    if (decision !== undefined) return { method: decider.method, ...decision };
  }
  return { method: 'park', winner: 'local', parked: true };
}

type Tried = Omit<Decision, 'method'> | undefined;

/** In the order of stamps the incoming value is always the later one. */
function tryMethod(decider: Exclude<Decider, { method: 'sql-function' }>, meeting: Meeting): Tried {
  switch (decider.method) {
    case 'latest-timestamp':
    case 'overwrite':
      return { winner: 'remote' };
    case 'earliest-timestamp':
    case 'discard':
      return { winner: 'local' };
    case 'park':
      return { winner: 'local', parked: true };
    case 'additive':
      return merged(meeting, addition(meeting));
    case 'average':
      return average(decider.scales, meeting);
    case 'site-priority':
      return sitePriority(decider, meeting);
    case 'owner-wins':
      return ownerWins(decider, meeting);
    default:
      return merged(
        meeting,
        columns(meeting, (pair, at) => bestValue(decider.orders[at]!, pair.current, pair.incoming)),
      );
  }
}

interface Pair {
  current: Value;
  incoming: Value;
  base: Value;
}

function columns<T>(meeting: Meeting, each: (pair: Pair, at: number) => T): T[] {
  const { group, before, current, after } = meeting;
  return group.columns.map((place, at) =>
    each(
      {
        current: current.values[place]!,
        incoming: after.values[place]!,
        base: before?.values[place] ?? null,
      },
      at,
    ),
  );
}

/** Values that are those of one side count as that side's. */
function merged(meeting: Meeting, values: Value[]): Tried {
  const is = (side: 'current' | 'incoming'): boolean =>
    columns(meeting, (pair, at) => values[at] === pair[side]).every(Boolean);
  if (is('incoming')) return { winner: 'remote' };
  return is('current') ? { winner: 'local' } : { winner: 'merged', values };
}

function addition(meeting: Meeting): Value[] {
  return columns(meeting, ({ current, base, incoming }) =>
    addDifference(current, { from: base, to: incoming }),
  );
}

/** NULL, NaN and infinities have no mean: the next method decides. */
function average(scales: readonly (number | undefined)[], meeting: Meeting): Tried {
  const means = columns(meeting, ({ current, incoming }, at) =>
    meanOf(current, incoming, scales[at]),
  );
  const values = means.filter((mean) => mean !== undefined);
  // The later stamp, also where the mean is one of the two: it is the mean of both.
  return values.length < means.length ? undefined : { winner: 'merged', values };
}

function siteOf(meeting: Meeting, side: 'current' | 'after'): number {
  return siteOfStamp(meeting[side].stamps[meeting.index]!);
}

/** Of one site the later value; a listed site goes before one that is not; two others: the next method. */
function sitePriority(
  { sites, names }: Decider & { method: 'site-priority' },
  meeting: Meeting,
): Tried {
  const [current, incoming] = [siteOf(meeting, 'current'), siteOf(meeting, 'after')];
  if (current === incoming) return { winner: 'remote' };
  const [here, there] = [current, incoming].map((site) => {
    const place = sites.indexOf(names().get(site) ?? '');
    return place < 0 ? sites.length : place;
  });
  if (here === there) return undefined;
  return { winner: there! < here! ? 'remote' : 'local' };
}

/** Between two values of the owner the later one; where neither is the owner's, the next method decides. */
function ownerWins(decider: Decider & { method: 'owner-wins' }, meeting: Meeting): Tried {
  const isOwner = (site: number): boolean => {
    if (decider.place === undefined) return site === siteOfStamp(meeting.current.birth);
    const owner = meeting.current.values[decider.place];
    return owner !== null && decider.names().get(site) === owner;
  };
  if (isOwner(siteOf(meeting, 'after'))) return { winner: 'remote' };
  return isOwner(siteOf(meeting, 'current')) ? { winner: 'local' } : undefined;
}

/** A result of NULL leaves it to the next method. */
function* askFunction(
  decider: Decider & { method: 'sql-function' },
  meeting: Meeting,
): Asking<Tried> {
  const { method: _method, ...call } = decider;
  const pairs = columns(meeting, (one) => one);
  if (call.columns === undefined) {
    const value = yield { ...call, ...pairs[0]! };
    return value === null ? undefined : merged(meeting, [value]);
  }
  const names = call.columns.map(({ name }) => name);
  const object = (side: keyof Pair): string =>
    JSON.stringify(Object.fromEntries(pairs.map((pair, at) => [names[at], pair[side]])));
  const values = yield {
    ...call,
    base: meeting.before === undefined ? null : object('base'),
    ...{ current: object('current'), incoming: object('incoming') },
  };
  return values === null ? undefined : merged(meeting, JSON.parse(values) as Value[]);
}
