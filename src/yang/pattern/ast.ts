/** Abstract syntax of XML Schema regular expressions (XML Schema Part 2, Appendix F). */

export type PatternNode =
  | { kind: 'alternatives'; branches: PatternNode[] }
  | { kind: 'sequence'; items: PatternNode[] }
  /** `max` undefined: without limit. */
  | { kind: 'repeat'; item: PatternNode; min: number; max: number | undefined }
  | { kind: 'character'; character: string }
  | { kind: 'set'; set: CharacterSet };

/** A set of characters: what its parts hold, or what they do not, without what `minus` holds. */
export interface CharacterSet {
  negated: boolean;
  parts: SetPart[];
  minus: CharacterSet | undefined;
}

export type SetPart =
  | { kind: 'range'; from: string; to: string }
  /** `\p{Lu}`; `category` is a general category of Unicode. */
  | { kind: 'category'; category: string; negated: boolean }
  /** `\p{IsGreek}` resolved to its code points. */
  | { kind: 'block'; from: number; to: number; negated: boolean }
  /** Multi-character escapes; an upper-case letter is the complement. */
  | { kind: 'class'; letter: 's' | 'i' | 'c' | 'd' | 'w'; negated: boolean };

/** The set that `.` stands for: everything but line breaks. */
export const ANY_CHARACTER: CharacterSet = {
  negated: true,
  parts: [
    { kind: 'range', from: '\n', to: '\n' },
    { kind: 'range', from: '\r', to: '\r' },
  ],
  minus: undefined,
};
