/** A TCP endpoint. */
export interface Address {
  host: string;
  port: number;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/;

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
