import { X509Certificate } from 'node:crypto';
import type { Identity } from '../../link/authority.ts';
import type { ErrorNote } from '../../base/errors.ts';

const DAY_MS = 86_400_000;
/** So long before a certificate ends it is a problem: who has to do something may be away for some weeks, days. */
const NOTICE_DAYS = 60;

/** When a certificate ends. */
export interface CertificateEnd {
  /** ISO 8601. */
  until: string;
  /** Whole days until then; below 0 when it is over. */
  days: number;
}

/** The certificates that a site works with, as `certificates` of the status has them. */
export interface CertificatesStatus {
  site: CertificateEnd;
  /** The group's authority: without it no certificate of a site is good. */
  authority: CertificateEnd;
}

const RENEW = 'Run syncline certificate --renew';
const WHAT = {
  site: 'the certificate of this site',
  authority: 'the certificate of the group here',
};

/** When the certificates end. @param now ms since the Unix epoch */
export function certificateEnds(
  { authority, identity }: { authority: string; identity: Pick<Identity, 'certificate'> },
  now = Date.now(),
): CertificatesStatus {
  const end = (pem: string): CertificateEnd => {
    const until = Date.parse(new X509Certificate(pem).validTo);
    return { until: new Date(until).toISOString(), days: Math.floor((until - now) / DAY_MS) };
  };
  return { site: end(identity.certificate), authority: end(authority) };
}

/** What of them ends soon, and what to do; since when that is said. @param now ms since the Unix epoch */
export function certificateProblems(
  certificates: Parameters<typeof certificateEnds>[0],
  now?: number,
): ErrorNote[] {
  const ends = certificateEnds(certificates, now);
  return (['authority', 'site'] as const).flatMap((which) => {
    const { until, days } = ends[which];
    if (days >= NOTICE_DAYS) return [];
    const when = days < 0 ? `ended at ${until}` : `ends in ${days} days, at ${until}`;
    return {
      at: new Date(Date.parse(until) - NOTICE_DAYS * DAY_MS).toISOString(),
      message: `${WHAT[which]} ${when}: from then on there is no link to another site. ${RENEW}`,
    };
  });
}
