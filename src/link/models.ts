/*
 * The request header `crp-models`: which models a site has, in which revision, and the earlier revisions that it
 * can replicate with: `name:hash/older/older,name:hash`. Hashes are the first 16 digits.
 */

/** The models that two sites cannot replicate with each other, by what both say; empty: data flow. */
export function mismatches(mine: string, theirs: string): string[] {
  const others = parse(theirs);
  return [...parse(mine)]
    .filter(([name, revisions]) => {
      const other = others.get(name);
      // A model that only one of them has is not applied at the other.
      return other !== undefined && !agree(revisions, other);
    })
    .map(([name]) => name);
}

/**
 * Whether no two of these sites have different revisions of one model; false where a site does not say. Who has
 * not a model at all writes nothing of it.
 */
export function haveSameRevisions(said: readonly (string | undefined)[]): boolean {
  const known = new Map<string, string>();
  return said.every(
    (models) =>
      models !== undefined &&
      [...parse(models)].every(([name, [current = '']]) => {
        if (!known.has(name)) known.set(name, current);
        return known.get(name) === current;
      }),
  );
}

/** One of them has the other's revision, or knows that it can replicate with it. */
function agree(one: readonly string[], other: readonly string[]): boolean {
  return one.includes(other[0]!) || other.includes(one[0]!);
}

function parse(header: string): Map<string, string[]> {
  return new Map(
    header.split(',').map((part) => {
      const [name, revisions = ''] = part.split(':');
      return [name!, revisions.split('/')];
    }),
  );
}
