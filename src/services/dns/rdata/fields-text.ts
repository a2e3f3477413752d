import { quotedString, unescape } from '../escapes.ts';
import { formatName, lowerName, parseName } from '../names.ts';
import { TextProblem, quote } from '../problem.ts';
import type { Field } from './field.ts';

/** Longest `<character-string>` (RFC 1035 §3.3). */
const MAX_STRING = 255;

/** A name of the types whose names compare in lower case (RFC 4034 §6.2, RFC 6840 §5.1). */
export function name(what: string): Field {
  return {
    parse: (input, wire) => wire.bytes(lowerName(parseName(input.word(what), input.origin))),
    format: (wire) => formatName(lowerName(wire.name())),
  };
}

/** A name of any other type: absolute, but in the case that it was written in. */
export function casedName(what: string): Field {
  return {
    parse: (input, wire) => wire.bytes(parseName(input.word(what), input.origin)),
    format: (wire) => formatName(wire.name()),
  };
}

/** Names up to the end of the record (HIP, RFC 8005 §6). */
export const casedNames: Field = {
  parse(input, wire) {
    while (input.peek() !== undefined) {
      wire.bytes(parseName(input.word('a name'), input.origin));
    }
  },
  format(wire) {
    const names: string[] = [];
    while (wire.left > 0) names.push(formatName(wire.name()));
    return names.join(' ');
  },
};

/** One `<character-string>`; `optional` at the end of a record (ISDN, RFC 1183 §3.2). */
export function string(what: string, optional = false): Field {
  return {
    parse(input, wire) {
      if (optional && input.peek() === undefined) return;
      const { text } = input.take(what);
      const bytes = unescape(text);
      if (bytes.length > MAX_STRING) throw longString(text, bytes.length);
      wire.counted(bytes);
    },
    format: (wire) => (optional && wire.left === 0 ? '' : quotedString(wire.counted())),
  };
}

function longString(text: string, length: number): TextProblem {
  return new TextProblem(
    `the text ${quote(text)} has ${length} octets`,
    `A text has at most ${MAX_STRING} octets (RFC 1035 §3.3)`,
  );
}

/**
 * One or more strings up to the end (TXT, RFC 1035 §3.3.14). A longer string is cut into strings of 255
 * octets: readers of TXT put them together again (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
 */
export const strings: Field = {
  parse(input, wire) {
    do {
      const bytes = unescape(input.take('a text').text);
      if (bytes.length > MAX_STRING) {
        input.warn(`a text of ${bytes.length} octets was cut into strings of ${MAX_STRING}`);
      }
      for (let at = 0; at === 0 || at < bytes.length; at += MAX_STRING) {
        wire.counted(bytes.subarray(at, at + MAX_STRING));
      }
    } while (input.peek() !== undefined);
  },
  format(wire) {
    const texts: string[] = [];
    do texts.push(quotedString(wire.counted()));
    while (wire.left > 0);
    return texts.join(' ');
  },
};

/** A text without length that fills the rest of the record (CAA value, URI target). */
export function restString(what: string, minimum: number): Field {
  return {
    parse(input, wire) {
      const bytes = unescape(input.take(what).text);
      if (bytes.length < minimum) {
        throw new TextProblem(`${what} is empty`, 'Write it between double quotes');
      }
      wire.bytes(bytes);
    },
    format(wire) {
      if (wire.left < minimum) throw new TextProblem(`${what} is empty`, 'Add it to the data');
      return quotedString(wire.rest());
    },
  };
}

/** The tag of a CAA record (RFC 8659 §4.1): letters and digits, counted, without quotes. */
export const caaTag: Field = {
  parse: (input, wire) =>
    wire.counted(Buffer.from(checkTag(input.word('a property tag')), 'latin1')),
  format: (wire) => checkTag(wire.counted().toString('latin1')),
};

function checkTag(tag: string): string {
  if (/^[a-zA-Z0-9]{1,255}$/.test(tag)) return tag;
  throw new TextProblem(
    `${quote(tag)} is not a property tag`,
    'Letters and digits only, for example issue, issuewild or iodef (RFC 8659 §4.1)',
  );
}
