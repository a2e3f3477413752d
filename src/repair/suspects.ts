import type { Entity } from '../model/ir/ir.ts';
import type { BucketDigest } from './protocol.ts';
import type { ComparedSite } from './remote.ts';
import type { Key } from './state.ts';

/** Rows whose keys are looked at together: bounds the memory of the comparing side. */
const CHUNK_ROWS = 100_000;

/** What the first pass over an entity found. */
export interface FirstPass {
  /** Rows of the site that has most. */
  rows: number;
  /** Buckets that differ, in portions that fit into memory. */
  chunks: number[][];
}

/** Compares the digests of all buckets. Rows under way between the sites make buckets differ, too. */
export async function firstPass(
  sites: readonly ComparedSite[],
  entity: Entity,
): Promise<FirstPass> {
  const digests = await Promise.all(sites.map((site) => site.buckets(entity)));
  const rows = Math.max(
    ...digests.map((digest) => digest.reduce((sum, [, count]) => sum + count, 0)),
  );
  return { rows, chunks: portions(differing(digests)) };
}

/** Buckets that are not the same everywhere, with the greatest number of rows that a site has there. */
function differing(digests: readonly BucketDigest[][]): Map<number, number> {
  const found = new Map<number, { texts: string[]; rows: number }>();
  for (const [bucket, rows, hash] of digests.flat()) {
    const entry = found.get(bucket) ?? { texts: [], rows: 0 };
    entry.texts.push(`${rows} ${hash}`);
    entry.rows = Math.max(entry.rows, rows);
    found.set(bucket, entry);
  }
  const different = [...found].filter(
    ([, { texts }]) => texts.length < digests.length || texts.some((text) => text !== texts[0]),
  );
  return new Map(different.map(([bucket, { rows }]) => [bucket, rows]));
}

function portions(buckets: ReadonlyMap<number, number>): number[][] {
  const chunks: number[][] = [];
  let room = 0;
  for (const [bucket, rows] of buckets) {
    if (chunks.length === 0 || rows > room) {
      chunks.push([]);
      room = CHUNK_ROWS;
    }
    chunks.at(-1)!.push(bucket);
    room -= rows;
  }
  return chunks;
}

/** Keys of some buckets whose rows are not the same at all sites. */
export async function suspectKeys(
  sites: readonly ComparedSite[],
  entity: Entity,
  buckets: number[],
): Promise<Key[]> {
  // By key: the hash that all sites so far had, and how many had it; -1 when they differ.
  const found = new Map<string, { hash: string; sites: number }>();
  await Promise.all(
    sites.map(async (site) => {
      for await (const rows of site.keys(entity, buckets)) {
        for (const [hash, ...key] of rows) note(found, JSON.stringify(key), hash);
      }
    }),
  );
  return [...found]
    .filter(([, entry]) => entry.sites !== sites.length)
    .map(([key]) => JSON.parse(key) as Key);
}

function note(
  found: Map<string, { hash: string; sites: number }>,
  key: string,
  hash: string,
): void {
  const entry = found.get(key);
  if (entry === undefined) found.set(key, { hash, sites: 1 });
  else if (entry.hash !== hash) entry.sites = -1;
  else if (entry.sites > 0) entry.sites += 1;
}
