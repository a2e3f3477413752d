/** The identity of compiled models: two sites replicate only if theirs are the same. */
import { createHash } from 'node:crypto';
import type { Model } from './ir.ts';

/** JSON with sorted member names and without blanks: equal values give equal text (as RFC 8785). */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/**
 * SHA-256, in hexadecimal, of one compiled model or of a set of them; the order of a set does not count.
 * Descriptions are not part of it: they change nothing that is stored.
 */
export function modelHash(models: Model | readonly Model[]): string {
  const all = 'entities' in models ? [models] : models;
  const parts = all.map((model) => canonicalJson(withoutDescriptions(model))).sort();
  return createHash('sha256').update(parts.join('\n')).digest('hex');
}

function withoutDescriptions(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, member: unknown) => {
      return name === 'description' && typeof member === 'string' ? undefined : member;
    }),
  ) as unknown;
}
