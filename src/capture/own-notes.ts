import { KNOWN_MESSAGE, readKnown } from '../postgres/known.ts';
import type { KnownNote } from '../postgres/known.ts';
import type { CaptureOptions } from './capture-options.ts';

type Message = Readonly<{ prefix: string; content: string }>;

/** How far notes in the WAL are believed: every role that may connect to the database may write some. */
export interface Notes {
  /** The server leaves out what other sites made, so that no transaction has to say it of itself (PostgreSQL 16 on). */
  readonly filtered: boolean;
  /** What a message says of other sites' changes; undefined where it is none of the agent's. */
  read(message: Message): KnownNote | undefined;
}

/** For those who write all of them. */
export const ALL_BELIEVED: Notes = {
  filtered: false,
  read: ({ prefix, content }) => (prefix === KNOWN_MESSAGE ? readKnown(content) : undefined),
};

/** Tells the agent's notes from those of others. */
export class OwnNotes implements Notes {
  readonly filtered: boolean;
  readonly #options: CaptureOptions;
  #told = false;

  constructor(options: CaptureOptions) {
    this.#options = options;
    this.filtered = options.serverMajor >= 16;
  }

  /**
   * A note without a proof is one of an earlier build, or of somebody else. It is believed as long as it says no more than is
   * here: changes that name that wait for nothing that does not come.
   */
  read({ prefix, content }: Message): KnownNote | undefined {
    if (prefix !== KNOWN_MESSAGE) return undefined;
    const { proof, journal } = this.#options;
    const note = readKnown(content);
    const isOwn =
      note !== undefined &&
      (proof === undefined ||
        note.proof === proof ||
        note.position <= journal.position(note.origin));
    if (isOwn) return note;
    this.#tell(content);
    return undefined;
  }

  /** Once: whoever writes many is not to fill the log. */
  #tell(content: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.log.warn(
      { content: content.slice(0, 100) },
      `not the agent of this site wrote the logical message "${KNOWN_MESSAGE}": it counts for nothing`,
    );
  }
}
