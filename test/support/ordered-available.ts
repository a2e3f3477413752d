import { CLASH_OF_KEYS, HONOURED, METHODS } from '../../src/model/engine.ts';

/** Lets tests compile what keeps history before this version says that it has it. */
export function makeOrderedAvailable(): void {
  for (const method of Object.values(METHODS)) if (method.ordered) method.available = true;
  Object.assign(HONOURED, { 'on-delete-update': ['delete', 'update', 'latest', 'park'] });
  if (!CLASH_OF_KEYS.includes('earliest')) (CLASH_OF_KEYS as string[]).push('earliest');
}
