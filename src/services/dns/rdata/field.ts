import type { TokenReader } from '../token-reader.ts';
import type { WireReader, WireWriter } from './wire.ts';

/**
 * One part of a type's RDATA. The two functions are inverse up to canonical form:
 * what `format` returns, `parse` reads again to the same octets.
 */
export interface Field {
  /** Takes the field's tokens and appends its wire form. @throws TextProblem */
  parse: (input: TokenReader, wire: WireWriter) => void;
  /** Reads the wire form and returns the canonical text, '' for a part that is not there. @throws TextProblem */
  format: (wire: WireReader) => string;
}
