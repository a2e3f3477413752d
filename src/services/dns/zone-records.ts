import { AppError } from '../../base/errors.ts';
import type { ZoneRecord } from './master-file.ts';
import { canonicalName, isWithin } from './names.ts';
import { describePlace } from './problem.ts';
import { typeName, typeNumber } from './rr-types.ts';

const SOA = typeNumber('SOA')!;
const NS = typeNumber('NS')!;

/** The columns of a zone's SOA record (RFC 1035 §3.3.13); times in seconds. */
export interface SoaRecord {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
  ttl: number;
}

/**
 * The checks of a zone that need one record at a time: exactly one SOA record, at the apex (RFC 1035 §5.2);
 * nothing from outside the zone; NS records at the apex (RFC 1034 §4.2.1). Read `zone`, `soa` and
 * `duplicates` when `check` has come to its end.
 */
export class ZoneRecords {
  readonly #file: string;
  #zone: string | undefined;
  #soa: ZoneRecord | undefined;
  #hasNs = false;
  /** Repetitions of the SOA record; those of other records are found as the sets are made. */
  duplicates = 0;

  /** @param origin the zone's name; without it the first record must be the SOA record and says it */
  constructor(file: string, origin: string | undefined) {
    this.#file = file;
    this.#zone = origin === undefined ? undefined : canonicalName(origin);
  }

  /**
   * Passes on all records but the SOA record.
   *
   * @throws AppError ZONE_INVALID with the place of the record that is wrong
   */
  *check(records: Iterable<ZoneRecord>): Generator<ZoneRecord, void, undefined> {
    for (const record of records) {
      if (record.type === SOA) {
        this.#takeSoa(record);
        continue;
      }
      const zone = this.#zone ?? this.#noOrigin(record);
      if (!isWithin(record.owner, zone)) throw outOfZone(record, zone);
      if (record.type === NS && record.owner === zone) this.#hasNs = true;
      yield record;
    }
    this.#finish();
  }

  /** Canonical name of the zone. */
  get zone(): string {
    return this.#zone ?? '';
  }

  get soa(): SoaRecord {
    const { rdata, ttl } = this.#soa!;
    // No name has a space in canonical form (names.ts), so this splits what the SOA format joined.
    const [mname, rname, ...numbers] = rdata.split(' ');
    const [serial, refresh, retry, expire, minimum] = numbers.map(Number);
    return {
      ...{ mname: mname!, rname: rname!, serial: serial!, refresh: refresh! },
      ...{ retry: retry!, expire: expire!, minimum: minimum!, ttl },
    };
  }

  #takeSoa(record: ZoneRecord): void {
    this.#zone ??= record.owner;
    if (record.owner !== this.#zone) {
      throw isWithin(record.owner, this.#zone)
        ? invalid(record, `a SOA record of "${record.owner}" inside the zone "${this.#zone}"`, {
            hint: 'A zone has one SOA record, at its apex; import each zone from a file of its own',
          })
        : outOfZone(record, this.#zone);
    }
    if (this.#soa !== undefined && this.#soa.rdata !== record.rdata) {
      throw invalid(record, `a second SOA record; the first is ${describePlace(this.#soa.place)}`, {
        hint: 'Remove one of them: a zone has exactly one SOA record',
      });
    }
    if (this.#soa !== undefined) this.duplicates += 1;
    this.#soa ??= record;
  }

  #noOrigin(record: ZoneRecord): never {
    throw invalid(record, 'the first record is not the SOA record, so the zone is not known', {
      hint: 'Put the SOA record first, or say the name of the zone: --origin NAME',
    });
  }

  #finish(): void {
    const missing = this.#soa === undefined ? 'SOA record' : this.#hasNs ? undefined : 'NS record';
    if (missing === undefined) return;
    const zone = this.#zone === undefined ? 'the zone' : `the zone "${this.#zone}"`;
    throw new AppError('ZONE_INVALID', `${this.#file}: ${zone} has no ${missing} at its apex`, {
      hint: `Add the ${missing} of the zone itself; does --origin (or $ORIGIN) name the right zone?`,
    });
  }
}

function outOfZone(record: ZoneRecord, zone: string): AppError {
  const what = `"${record.owner}" (${typeName(record.type)}) is outside the zone "${zone}"`;
  return invalid(record, what, {
    hint: 'Remove the record, or correct $ORIGIN or the final dot of the name',
  });
}

function invalid(record: ZoneRecord, message: string, details: { hint: string }): AppError {
  return new AppError('ZONE_INVALID', `${describePlace(record.place)}: ${message}`, details);
}
