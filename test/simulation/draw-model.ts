import { mergedColumns } from '../../src/model/ir/ir.ts';
import type { ColumnGroup } from '../../src/model/ir/ir.ts';
import type { Method, OrderedMethod } from '../../src/model/ir/ir-resolution.ts';
import { isSetMethod } from '../../src/model/groups/set-groups.ts';
import { simEntity, simGroup } from './model.ts';
import type { SimEntity, SimRules } from './model.ts';
import type { Random } from './random.ts';

/** Of groups of entities without history. */
export const METHODS: readonly Method[] = [
  ...(['latest-timestamp', 'latest-timestamp', 'additive', 'additive', 'overwrite'] as const),
  ...(['maximum', 'minimum', 'serial-maximum', 'priority-group'] as const),
  ...(['add-wins', 'remove-wins'] as const),
];

/** What decides first in ordered groups, and what does when that cannot. */
const FIRST: readonly OrderedMethod[] = [
  ...([{ method: 'earliest-timestamp' }, { method: 'discard' }, { method: 'park' }] as const),
  ...([{ method: 'average' }, { method: 'average' }, { method: 'owner-wins' }] as const),
  { method: 'site-priority', sites: ['s1', 's2047'] },
  { method: 'site-priority', sites: ['s30', 's5', 's2'] },
  { method: 'sql-function', function: { schema: 's', name: 'f' } },
];
const NEXT: readonly OrderedMethod[] = [
  ...([{ method: 'latest-timestamp' }, { method: 'overwrite' }, { method: 'discard' }] as const),
  ...([{ method: 'average' }, { method: 'additive' }, { method: 'maximum' }] as const),
  { method: 'site-priority', sites: ['s5'] },
];

/** One or two entities of one to three column groups, with drawn methods. */
export function drawModel(random: Random): SimEntity[] {
  const count = random.chance(30) ? 2 : 1;
  return Array.from({ length: count }, (_, index) => drawEntity(random, index));
}

function drawEntity(random: Random, index: number): SimEntity {
  const groups: ColumnGroup[] = [];
  const keeps = random.chance(45);
  for (let group = random.weighted([1, 3, 3]); group >= 0; group--) {
    const name = `g${groups.length}`;
    const methods = keeps && random.chance(60) ? drawMethods(random) : undefined;
    const method = random.pick(METHODS);
    const isFunction = methods?.some((one) => one.method === 'sql-function') === true;
    const isOne = isFunction || (methods === undefined && isSetMethod(method));
    const columns = !isOne && random.chance(30) ? [`${name}a`, `${name}b`] : [`${name}a`];
    const group = simGroup(name, columns, method);
    groups.push(methods === undefined ? group : ordered(group, methods));
  }
  const rules = keeps ? drawRules(random) : {};
  const texts = new Set(groups.filter(() => random.chance(40)).map(({ name }) => name));
  const toasted = new Set<number>();
  const values = groups.flatMap(mergedColumns).length;
  for (let place = 0; place < values; place++) if (random.chance(30)) toasted.add(place);
  return simEntity(index, groups, { toasted, texts, rules });
}

function ordered({ name, stamp, columns }: ColumnGroup, methods: OrderedMethod[]): ColumnGroup {
  return { name, stamp, columns, method: 'ordered', methods };
}

function drawMethods(random: Random): OrderedMethod[] {
  const methods = [random.pick(FIRST)];
  while (methods.length < 3 && random.chance(50)) methods.push(random.pick(NEXT));
  return methods;
}

function drawRules(random: Random): SimRules {
  const onDeleteUpdate = random.pick(['update', 'latest', 'park', undefined, undefined] as const);
  const rule = random.int(100);
  return {
    ...(onDeleteUpdate === undefined ? {} : { onDeleteUpdate }),
    ...(rule < 40 ? { onKeyClash: 'earliest' as const } : {}),
    ...(rule >= 65 ? { onKeyClash: 'merge' as const } : {}),
  };
}
