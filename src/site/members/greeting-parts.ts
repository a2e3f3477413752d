import type { Statement } from './extent.ts';
import type { Greeting } from './gossip.ts';
import type { Peer } from './peer.ts';
import type { SiteView } from './stability.ts';

/** What a greeting says of stability. */
export function viewOf({ site, mark, applied, pending, models }: Greeting): SiteView {
  return {
    number: site.number,
    mark: { sequence: mark.sequence, position: BigInt(mark.position) },
    applied: new Map(applied.map(([origin, position]) => [origin, BigInt(position)])),
    ...(pending === undefined ? {} : { pending }),
    ...(models === undefined ? {} : { models }),
  };
}

/** Whether a member has changes on disk, in its journal or applied, as it said last. */
export function hasTaken(peer: Peer, known: ReadonlyMap<number, bigint>): boolean {
  const said = [peer.knows, peer.statement?.journal];
  return [...known].every(
    ([origin, position]) =>
      origin === peer.member.number ||
      said.some((positions) => (positions?.get(origin) ?? 0n) >= position),
  );
}

/** A position as greetings have it. */
export function positionText([origin, position]: [number, bigint]): [number, string] {
  return [origin, position.toString()];
}

/** What a greeting says of the sites that are gone. Undefined of a member with an earlier version: then it is not known what it has. */
export function statementOf({ gone, journal }: Greeting): Statement | undefined {
  if (gone === undefined || journal === undefined) return undefined;
  const positions = journal.map(([origin, text]): [number, bigint] => [origin, BigInt(text)]);
  return { gone: new Set(gone), journal: new Map(positions) };
}
