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
