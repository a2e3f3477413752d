import { createHmac } from 'node:crypto';

/*
 * The note of a site in its own WAL that changes of another one are about to be known here (ARCHITECTURE.md §4). Every role
 * that may connect to the database may write logical messages, of any prefix: what such a note says must not stop
 * replication, so it carries a proof that the site's agent wrote it.
 */

/** Prefix of the logical message. */
export const KNOWN_MESSAGE = 'crp.known';

const CONTENT = /^(\d{1,4}) \d{1,10} (\d{1,19})(?: ([0-9a-f]{32}))?$/;

/** What such a note says. */
export interface KnownNote {
  origin: number;
  position: bigint;
  /** Absent in those of earlier builds. */
  proof?: string;
}

/**
 * What the agent alone can add to its notes, made of the site's private key, which no session of the database has. A
 * certificate that is renewed keeps its key.
 */
export function proofOf({ identity }: { identity: { key: string } }): string {
  return createHmac('sha256', identity.key).update(KNOWN_MESSAGE).digest('hex').slice(0, 32);
}

/** The content of a note; earlier builds read it too. */
export function knownText(
  known: { origin: number; incarnation: number; position: bigint },
  proof: string | undefined,
): string {
  const text = `${known.origin} ${known.incarnation} ${known.position}`;
  return proof === undefined ? text : `${text} ${proof}`;
}

/** Reads the content; undefined where no agent wrote it. */
export function readKnown(content: string): KnownNote | undefined {
  const match = CONTENT.exec(content);
  if (match === null) return undefined;
  const [, origin, position, proof] = match;
  return {
    ...{ origin: Number(origin), position: BigInt(position!) },
    ...(proof === undefined ? {} : { proof }),
  };
}
