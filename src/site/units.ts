const BYTES: Record<string, number> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const MILLISECONDS: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/**
 * A size such as `10GiB`, in bytes.
 *
 * @param what named in the error
 * @throws Error
 */
export function parseBytes(what: string, text: string): number {
  return parseUnit(what, text, BYTES);
}

/** A time such as `10s` or `500ms`, in milliseconds. */
export function parseDuration(what: string, text: string): number {
  return parseUnit(what, text, MILLISECONDS);
}

function parseUnit(what: string, text: string, units: Record<string, number>): number {
  const match = /^(\d+) ?([A-Za-z]+)$/.exec(text);
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    const known = Object.keys(units).join(', ');
    throw new Error(`${what} must be a whole number with a unit (${known}), not "${text}"`);
  }
  return Number(match[1]) * unit;
}

/** Bytes for a person, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const names = Object.keys(BYTES);
  const step = Math.min(names.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 2 ** (10 * step);
  return `${step === 0 ? value : value.toFixed(1)} ${names[step]}`;
}
