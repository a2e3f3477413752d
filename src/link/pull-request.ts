import type { IncomingHttpHeaders } from 'node:http2';
import { AppError } from '../base/errors.ts';

/** Sites have numbers up to it (ARCHITECTURE.md §2). */
const MAX_SITE = 2047;

/** What a pull asks for. */
export interface PullRequest {
  origin: number;
  after: bigint;
  /** Commit time of the transaction at `after`, µs since 2000-01-01; undefined where the peer does not know it. */
  time: bigint | undefined;
}

/**
 * Reads the headers of a pull (ARCHITECTURE.md §7).
 *
 * @throws AppError LINK_PROTOCOL: whoever is asked for what cannot be would note a site that cannot be
 */
export function readPullRequest(headers: IncomingHttpHeaders): PullRequest {
  const origin = String(headers['crp-origin']);
  const after = String(headers['crp-after']);
  const time = headers['crp-after-time'];
  const fine =
    /^[1-9]\d{0,3}$/.test(origin) &&
    Number(origin) <= MAX_SITE &&
    /^\d{1,20}$/.test(after) &&
    (time === undefined || /^-?\d{1,19}$/.test(String(time)));
  if (!fine) {
    throw new AppError('LINK_PROTOCOL', 'What is asked for is no position of a site', {
      hint: 'The sites may run different versions of Syncline',
    });
  }
  return {
    origin: Number(origin),
    after: BigInt(after),
    time: time === undefined ? undefined : BigInt(String(time)),
  };
}
