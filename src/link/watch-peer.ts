import type { ServerHttp2Session } from 'node:http2';

/**
 * Between two looks whether the other end answers, and after how many in vain it is gone. In two minutes a PING gets
 * through any queue: 4 MB in the kernel and as much in a router are 64 s at 1 Mbit/s.
 */
const PING_MS = 20_000;
const MAX_UNANSWERED = 6;

/**
 * Ends a connection whose other end answers no PING (RFC 9113, 6.7) any more. A pull has its acknowledgements; a base copy
 * and a comparison would keep their snapshot of the database until TCP gives up, for a quarter of an hour.
 */
export function watchPeer(session: ServerHttp2Session, everyMs = PING_MS): void {
  let unanswered = 0;
  const timer = setInterval(() => {
    // Its socket is gone, and `close` comes later.
    if (session.destroyed) return;
    if (unanswered > MAX_UNANSWERED) session.destroy();
    else if (unanswered === 0) session.ping(() => (unanswered = 0));
    unanswered += 1;
  }, everyMs);
  session.once('close', () => clearInterval(timer));
}
