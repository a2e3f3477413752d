import type { Status } from '../schema.ts';
import type { Statement } from '../statement.ts';
import { argumentSpan, substatementArgument } from '../statement.ts';
import type { Session } from './session.ts';

const ORDER: readonly Status[] = ['current', 'deprecated', 'obsolete'];

/** The `status` of a definition; `current` when it says nothing. */
export function statusOf(statement: Statement): Status {
  const status = substatementArgument(statement, 'status');
  return status === 'deprecated' || status === 'obsolete' ? status : 'current';
}

/** Whether `status` is further gone than `than`. */
export function isOlder(status: Status, than: Status): boolean {
  return ORDER.indexOf(status) > ORDER.indexOf(than);
}

/**
 * Reports that a definition uses one of the same module that is more obsolete than itself (RFC 7950
 * §7.21.2). `from` is the definition that refers: the
 * innermost one that is being worked on.
 */
export function checkStatusReference(
  session: Session,
  statement: Statement,
  target: { what: string; name: string; status: Status },
  from = session.currentDefinition,
): void {
  if (from === undefined || !isOlder(target.status, from.status)) return;
  session.reporter.report('status-reference', argumentSpan(statement), {
    from: from.name,
    status: from.status,
    to: `${target.what} "${target.name}"`,
    toStatus: target.status,
  });
}
