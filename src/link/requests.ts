/** Who asks, what with, and for what: of the requests that a server of the link gets. */
import type { ServerHttp2Stream } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { AppError } from '../base/errors.ts';
import { invitationEnds } from './authority.ts';
import { peerOf } from './server-tls.ts';

/** All that one may ask for who has an invitation and no certificate of a site. */
export const INVITED_PATH = '/v1/site-certificate';
/** Longest body of a request. */
const MAX_BODY = 1024 * 1024;

/**
 * Refuses everything but that to who has an invitation only.
 *
 * @throws AppError INVITATION_ONLY
 */
export function requireSite(stream: ServerHttp2Stream, path: string | undefined): void {
  const certificate = (stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate();
  if (path === INVITED_PATH) return;
  if (certificate !== undefined && invitationEnds(certificate) === undefined) return;
  throw new AppError('INVITATION_ONLY', 'An invitation is good for the certificate of a site only');
}

/**
 * The body of a request.
 *
 * @throws AppError LINK_PROTOCOL when it is too long, or no JSON
 */
export async function readJson(stream: ServerHttp2Stream): Promise<unknown> {
  let text = '';
  for await (const part of stream) {
    text += String(part);
    if (text.length > MAX_BODY) throw new AppError('LINK_PROTOCOL', 'The request is too long');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new AppError('LINK_PROTOCOL', 'The request is no JSON', { cause: error });
  }
}

/** The name of the site that asks. */
export function peerName(stream: ServerHttp2Stream): string {
  return peerOf(stream.session?.socket as TLSSocket | undefined);
}
