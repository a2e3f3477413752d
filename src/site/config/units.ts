const BYTES: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const MILLISECONDS: Record<string, number> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** What a value may be at least and at most, in the same notation. */
export interface Bounds {
  least?: string;
  greatest?: string;
}

/**
 * A size such as `10GiB`, in bytes.
 *
 * @param what named in the error
 * @throws Error
 */
export function parseBytes(what: string, text: string, bounds: Bounds = {}): number {
  return parseUnit({ what, units: BYTES, bounds }, text);
}

/** A time such as `10s` or `500ms`, in milliseconds. */
export function parseDuration(what: string, text: string, bounds: Bounds = {}): number {
  return parseUnit({ what, units: MILLISECONDS, bounds }, text);
}

interface Unit {
  what: string;
  units: Readonly<Record<string, number>>;
  bounds: Bounds;
}

function parseUnit({ what, units, bounds: { least, greatest } }: Unit, text: string): number {
  const value = valueOf(text, units);
  if (value === undefined) {
    const known = Object.keys(units).join(', ');
    throw new Error(`${what} must be a whole number with a unit (${known}), not "${text}"`);
  }
  if (least !== undefined && value < valueOf(least, units)!) {
    throw new Error(`${what} must be at least ${least}, not "${text}"`);
  }
  if (greatest !== undefined && value > valueOf(greatest, units)!) {
    throw new Error(`${what} must be at most ${greatest}, not "${text}"`);
  }
  if (Number.isSafeInteger(value)) return value;
  throw new Error(`${what} is too large: "${text}"`);
}

function valueOf(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+) ?([A-Za-z]+)$/.exec(text);
  const unit = Object.hasOwn(units, match?.[2] ?? '') ? units[match![2]!] : undefined;
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Bytes for a person, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const names = Object.keys(BYTES);
  const step = Math.min(names.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * step);
  return `${step === 0 ? value : value.toFixed(1)} ${names[step]}`;
}
