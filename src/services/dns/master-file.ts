import { realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { unescape } from './escapes.ts';
import { readLines } from './file-lines.ts';
import { parseRange, parseTemplate } from './generate.ts';
import { formatName, lowerName, parseName } from './names.ts';
import { TextProblem, quote } from './problem.ts';
import type { Place } from './problem.ts';
import { readRdata } from './rdata/rdata.ts';
import { readHead } from './record-head.ts';
import type { RecordHead } from './record-head.ts';
import { typeNumber } from './rr-types.ts';
import { TokenReader } from './token-reader.ts';
import { Tokenizer } from './tokenizer.ts';
import type { Entry, Token } from './tokenizer.ts';
import { MAX_TTL, parseTtl } from './ttl.ts';

/** Files inside files inside files: deeper nesting is a mistake. */
const MAX_INCLUDES = 16;

const SOA = typeNumber('SOA')!;

/** One record in canonical form. */
export interface ZoneRecord {
  /** Absolute, in lower case, with a final dot. */
  owner: string;
  type: number;
  /** Seconds. */
  ttl: number;
  /** Canonical text of the data (rdata/rdata.ts). */
  rdata: string;
  /** Canonical wire form of the data, without compression. */
  wire: Buffer;
  place: Place;
}

export interface MasterFileOptions {
  /** Name that relative names end in until $ORIGIN says otherwise. */
  origin?: string | undefined;
  /** Receives what is odd but no error. */
  warn?: ((warning: string) => void) | undefined;
}

/**
 * The records of a master file in its order: RFC 1035 §5 with $TTL (RFC 2308 §4), generic types and data
 * (RFC 3597 §5) and BIND's $GENERATE. Reads on as records are taken; a caller who stops early must end the
 * generator (`for … of` does), which closes the files.
 *
 * @throws AppError ZONE_SYNTAX with file, line and column, or ZONE_FILE
 */
export function readMasterFile(
  file: string,
  options: MasterFileOptions = {},
): Generator<ZoneRecord, void, undefined> {
  return new MasterFileReader(options).read(file);
}

class MasterFileReader {
  readonly #warn: (warning: string) => void;
  readonly #open: string[] = [];
  #origin: Buffer | undefined;
  #owner: string | undefined;
  /** The value of $TTL. */
  #defaultTtl: number | undefined;
  /** The TTL written last, which counts where there is no $TTL (RFC 1035 §5.1). */
  #lastTtl: number | undefined;

  constructor({ origin, warn = () => undefined }: MasterFileOptions) {
    this.#warn = warn;
    const root = Buffer.from([0]);
    if (origin !== undefined) {
      this.#origin = parseName(Buffer.from(origin, 'utf8').toString('latin1'), root);
    }
  }

  *read(file: string): Generator<ZoneRecord, void, undefined> {
    const tokenizer = new Tokenizer(file, readLines(file));
    this.#open.push(realPath(file));
    try {
      for (let entry = tokenizer.next(); entry !== undefined; entry = tokenizer.next()) {
        const first = entry.tokens[0]!;
        const directive = !entry.blankOwner && !first.quoted && first.text.startsWith('$');
        if (directive) yield* this.#directive(entry);
        else yield this.#record(entry);
      }
    } finally {
      this.#open.pop();
      tokenizer.close();
    }
  }

  *#directive(entry: Entry): Generator<ZoneRecord, void, undefined> {
    const input = this.#input(entry);
    const name = input.take('a directive').text;
    switch (name.toUpperCase()) {
      case '$ORIGIN':
        this.#origin = this.#onlyName(input);
        return;
      case '$TTL':
        this.#defaultTtl = input.guard(() => parseTtl(input.word('a TTL')));
        input.guard(() => input.end());
        return;
      case '$INCLUDE':
        yield* this.#include(input, entry.file);
        return;
      case '$GENERATE':
        yield* this.#generate(input, entry.file);
        return;
      default:
        throw input.locate(
          new TextProblem(
            `${quote(name)} is not a directive`,
            'Known are $ORIGIN, $TTL, $INCLUDE and $GENERATE; write a name that begins with $ as \\$',
          ),
        );
    }
  }

  #onlyName(input: TokenReader): Buffer {
    return input.guard(() => {
      const name = parseName(input.word('a name'), this.#origin);
      input.end();
      return name;
    });
  }

  /** RFC 1035 §5.1: an included file changes neither the origin nor the owner of the file around it. */
  *#include(input: TokenReader, from: string): Generator<ZoneRecord, void, undefined> {
    const [origin, owner] = [this.#origin, this.#owner];
    const file = input.guard(() => this.#includedFile(input, from));
    if (input.peek() !== undefined) this.#origin = this.#onlyName(input);
    yield* this.read(file);
    [this.#origin, this.#owner] = [origin, owner];
  }

  #includedFile(input: TokenReader, from: string): string {
    const text = input.take('a file name').text;
    const file = resolve(dirname(from), unescape(text).toString('utf8'));
    if (this.#open.length > MAX_INCLUDES) {
      throw new TextProblem(
        `${quote(text)} is the file number ${this.#open.length} inside another`,
        `Files can be nested ${MAX_INCLUDES} deep`,
      );
    }
    if (!this.#open.includes(realPath(file))) return file;
    throw new TextProblem(
      `${quote(text)} includes itself`,
      'Remove this $INCLUDE, or the one in the included file',
    );
  }

  *#generate(input: TokenReader, file: string): Generator<ZoneRecord, void, undefined> {
    const range = input.guard(() => parseRange(input.word('a range')));
    const owner = input.guard(() => parseTemplate(input.word('an owner')));
    const head = readHead(input);
    const source = input.guard(() => input.take('data'));
    const at = { line: source.line, column: source.column };
    const data = input.guard(() => parseTemplate(dataText(source)));
    input.guard(() => endGenerate(input));
    for (let number = range.start; number <= range.stop; number += range.step) {
      this.#owner = input.guard(() => this.#name(owner(number)));
      const lines = input.guard(() => data(number)).split('\n');
      const tokens = new Tokenizer(file, lines, at).next()?.tokens ?? [];
      const body = this.#input({ file, tokens, blankOwner: true });
      yield this.#complete(head, body, input.place());
    }
  }

  #record(entry: Entry): ZoneRecord {
    const input = this.#input(entry);
    const first = entry.tokens[0]!;
    if (!entry.blankOwner) this.#owner = input.guard(() => this.#name(input.word('an owner')));
    const place = { file: entry.file, line: first.line, column: first.column };
    return this.#complete(readHead(input), input, place);
  }

  #complete(head: RecordHead, input: TokenReader, place: Place): ZoneRecord {
    const owner = this.#owner;
    if (owner === undefined) {
      throw input.locate(
        new TextProblem(
          'the record has no owner: the line begins with a blank, and no record is before it',
          'Write the name of the owner at the beginning of the line',
        ),
      );
    }
    const { text, wire } = readRdata(head.type, input);
    const ttl = input.guard(() => this.#ttl(head.ttl, head.type === SOA ? wire : undefined, input));
    return { owner, type: head.type, ttl, rdata: text, wire, place };
  }

  #ttl(explicit: number | undefined, soa: Buffer | undefined, input: TokenReader): number {
    if (explicit !== undefined) return (this.#lastTtl = explicit);
    const ttl = this.#defaultTtl ?? this.#lastTtl;
    if (ttl !== undefined) return ttl;
    if (soa === undefined) {
      throw new TextProblem(
        'the record has no TTL, and none is known yet',
        'Put "$TTL 3600" at the beginning of the file (RFC 2308 §4)',
      );
    }
    this.#defaultTtl = Math.min(MAX_TTL, soa.readUInt32BE(soa.length - 4));
    input.warn(`no TTL is given; the minimum of the SOA record, ${this.#defaultTtl}, is used`);
    return this.#defaultTtl;
  }

  #name(text: string): string {
    return formatName(lowerName(parseName(text, this.#origin)));
  }

  #input(entry: Entry): TokenReader {
    return new TokenReader(entry, { origin: this.#origin, warn: this.#warn });
  }
}

/** The data of $GENERATE: one word, or in quotes several, where `\"` begins or ends a text. */
function dataText(token: Token): string {
  return token.quoted ? token.text.replace(/\\"/g, '"') : token.text;
}

function endGenerate(input: TokenReader): void {
  const extra = input.peek();
  if (extra === undefined) return;
  input.take('the end');
  throw new TextProblem(
    `${quote(extra.text)} is left over after the data`,
    'Put data of several words in quotes: $GENERATE 1-9 host$ MX "10 mail$"',
  );
}

/** The path without symbolic links; what cannot be resolved is reported when it is opened. */
function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return resolve(file);
  }
}
