import { ROOT } from '../names.ts';
import { TextProblem, quote } from '../problem.ts';
import { requireType, typeName } from '../rr-types.ts';
import { TokenReader } from '../token-reader.ts';
import { tokenizeText } from '../tokenizer.ts';
import { parseHex } from './fields-binary.ts';
import { parseNumber } from './fields-number.ts';
import { formatOf } from './type-formats.ts';
import type { TypeFormat } from './type-formats.ts';
import { MAX_RDATA, WireReader, WireWriter } from './wire.ts';

/** RDATA in both forms; both are canonical (RFC 4034 §6.2, §6.3: records are ordered by the wire form). */
export interface Rdata {
  text: string;
  wire: Buffer;
}

const writer = new WireWriter();

/** What stands for "the generic form follows" (RFC 3597 §5). */
const GENERIC = '\\#';

/**
 * Reads the RDATA of a type up to the end of the entry: in the type's own form or in that of RFC 3597.
 * Data of a known type come out in its own form, of an unknown type as `\# length hex`.
 *
 * @throws AppError ZONE_SYNTAX with the place of the token that is wrong
 */
export function readRdata(type: number, input: TokenReader): Rdata {
  return input.guard(() => {
    const format = formatOf(type);
    const first = input.peek();
    if (first !== undefined && !first.quoted && first.text === GENERIC) {
      return readGeneric(type, input);
    }
    if (format === undefined) throw unknownFormat(type, input);
    return readFormatted(format, input);
  });
}

function readFormatted(format: TypeFormat, input: TokenReader): Rdata {
  writer.clear();
  for (const field of format.fields) field.parse(input, writer);
  input.end();
  const wire = writer.take();
  return { text: formatFields(format, wire), wire };
}

function readGeneric(type: number, input: TokenReader): Rdata {
  input.word(GENERIC);
  const length = parseNumber(input.word('a length'), MAX_RDATA);
  const wire = parseHex(input.words('hexadecimal data').join(''));
  if (wire.length !== length) {
    throw new TextProblem(
      `the length is ${length}, but ${wire.length} octets of data follow`,
      'Correct the number after \\#, or complete the data (RFC 3597 §5)',
    );
  }
  const format = formatOf(type);
  if (format === undefined || length === 0) return { text: formatRdata(type, wire), wire };
  // Read again: names given in hexadecimal become lower case on the wire too.
  return canonicalRdata(typeName(type), formatFields(format, wire));
}

function unknownFormat(type: number, input: TokenReader): TextProblem {
  const first = input.peek() === undefined ? '' : `, but ${quote(input.take('data').text)} follows`;
  return new TextProblem(
    `no text form of the data of ${typeName(type)} is known${first}`,
    'Write the data as \\# LENGTH HEX (RFC 3597 §5)',
  );
}

function formatFields(format: TypeFormat, wire: Buffer): string {
  format.check?.(wire);
  const reader = new WireReader(wire);
  const texts = format.fields.map((field) => field.format(reader));
  reader.end();
  // Data of no octets (APL) have no text of their own; an empty one would get lost in a table.
  return texts.filter((text) => text !== '').join(' ') || `${GENERIC} 0`;
}

/**
 * Canonical text of RDATA in wire form without compression.
 *
 * @throws TextProblem when the octets do not fit the format of the type
 */
export function formatRdata(type: number, wire: Buffer): string {
  const format = formatOf(type);
  if (format !== undefined) return formatFields(format, wire);
  return `${GENERIC} ${wire.length} ${wire.toString('hex')}`.trimEnd();
}

/**
 * Canonical form of the RDATA of one record.
 *
 * @param type mnemonic or `TYPEn`
 * @param text as in a master file, with relative names ending in `origin` (wire form; default the root)
 * @throws AppError ZONE_SYNTAX
 */
export function canonicalRdata(type: string, text: string, origin: Buffer = ROOT): Rdata {
  const warn = (): void => undefined;
  const input = new TokenReader(tokenizeText(`${type} record`, text), { origin, warn });
  return readRdata(
    input.guard(() => requireType(type)),
    input,
  );
}
