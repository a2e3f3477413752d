/** A TCP endpoint. */
export interface Address {
  host: string;
  port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/;

/** `host:port`, as `parseAddress` reads it. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Parses `host:port`; IPv6 addresses stand in brackets (RFC 3986, 3.2.2).
 *
 * @param what named in the error
 * @throws Error
 */
export function parseAddress(what: string, text: string): Address {
  const address = readAddress(text);
  if (address === undefined) throw new Error(`${what} must be host:port, not "${text}"`);
  return address;
}

/** Whether it is `host:port`. */
export function isAddress(value: unknown): boolean {
  return typeof value === 'string' && readAddress(value) !== undefined;
}

function readAddress(text: string): Address | undefined {
  const match = ADDRESS.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) return undefined;
  return { host: (match[1] ?? match[2])!, port };
}

/** Addresses that mean all of this machine: one can listen on them, and they lead nobody here. */
const EVERYWHERE = new Set(['0.0.0.0', '::']);

/**
 * Parses the `host:port` by which others are to reach this machine.
 *
 * @param what named in the error
 * @throws Error
 */
export function parseReachable(what: string, text: string): Address {
  const address = parseAddress(what, text);
  if (!EVERYWHERE.has(address.host)) return address;
  throw new Error(`${what} must be an address by which the other sites reach it, not "${text}"`);
}
