import { TextProblem, quote } from './problem.ts';
import { CLASS_IN, classNumber, isMetaType, requireType, typeName } from './rr-types.ts';
import type { TokenReader } from './token-reader.ts';
import { looksLikeTtl, parseTtl } from './ttl.ts';

/** What stands between the owner and the data of a record. */
export interface RecordHead {
  type: number;
  /** Seconds; undefined when it is left out. */
  ttl: number | undefined;
}

/**
 * TTL and class in either order or left out, then the type (RFC 1035 §5.1).
 *
 * @throws AppError ZONE_SYNTAX
 */
export function readHead(input: TokenReader): RecordHead {
  return input.guard(() => {
    let ttl: number | undefined;
    let inClass = false;
    for (;;) {
      const word = input.word('a record type');
      if (looksLikeTtl(word) && ttl === undefined) ttl = parseTtl(word);
      else if (!inClass && classNumber(word) !== undefined) inClass = requireInternet(word);
      else return { type: requireDataType(word), ttl };
    }
  });
}

function requireInternet(word: string): true {
  if (classNumber(word) === CLASS_IN) return true;
  throw new TextProblem(
    `the class is ${quote(word)}`,
    'Only zones of the class IN can be imported: leave the class out or write IN',
  );
}

function requireDataType(word: string): number {
  if (looksLikeTtl(word)) {
    throw new TextProblem(`${quote(word)} is a second TTL`, 'Remove one; write 1h30m as one word');
  }
  const type = requireType(word);
  if (!isMetaType(type)) return type;
  throw new TextProblem(
    `${typeName(type)} is a type of questions or of messages`,
    'Remove the record: no zone can hold it (RFC 6895 §3.1)',
  );
}
