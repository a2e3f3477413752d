/** What the network said, in words: its own are a bare code (`EPIPE`), or no more than "fetch failed". */
const WORDS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine has no address from which it is reached',
  EAI_AGAIN: 'the name server does not answer',
  ECONNABORTED: 'the connection was broken off',
  ECONNREFUSED: 'nothing listens there, or a firewall refuses it',
  ECONNRESET: 'the other end, or something on the way, broke the connection off',
  EHOSTUNREACH: 'there is no way to that machine',
  ENETUNREACH: 'there is no route to that network',
  ENOTFOUND: 'there is no such name',
  EPIPE: 'the other end has broken the connection off',
  ETIMEDOUT: 'no answer',
};

/** `the name server does not answer (EAI_AGAIN)`; a code that is not known here as it is. */
export function networkText(code: string): string {
  const words = WORDS[code];
  return words === undefined ? code : `${words} (${code})`;
}

/**
 * What made a request over HTTP fail: `fetch` has it in the cause, and where a name has several addresses, the cause has
 * no text of its own.
 */
export function fetchText(error: unknown): string {
  const { name, message, cause } = error as Partial<Error>;
  if (name === 'TimeoutError') return 'no answer in time';
  if (cause === undefined) return message ?? String(error);
  const { code, message: reason } = cause as { code?: unknown; message?: string };
  if (typeof code !== 'string') return reason || message || String(error);
  return code in WORDS ? networkText(code) : `${reason || message} (${code})`;
}
