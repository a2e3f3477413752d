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
  const match = ADDRESS.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65535) {
    throw new Error(`${what} must be host:port, not "${text}"`);
  }
  return { host: (match[1] ?? match[2])!, port };
}

/** Whether it is `host:port`. */
export function isAddress(value: unknown): boolean {
  const match = typeof value === 'string' ? ADDRESS.exec(value) : null;
  const port = Number(match?.[3]);
  return match !== null && port >= 1 && port <= 65535;
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
