import type { ApplierOptions } from './applier.ts';
import type { ApplySession } from './session.ts';

/**
 * Makes the origin's row in `crp.progress` if there is none, and corrects what a crash of the database took back.
 *
 * @returns up to where the origin's changes are applied
 */
export async function readProgress(
  session: ApplySession,
  { origin, incarnation, knowledge }: Pick<ApplierOptions, 'origin' | 'incarnation' | 'knowledge'>,
): Promise<bigint> {
  await session.client.query(
    'INSERT INTO crp.progress (origin, incarnation, position) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING',
    [origin, incarnation],
  );
  const before = knowledge.positions();
  const { rows } = await session.client.query<{ origin: number; position: string }>(
    'SELECT origin, position FROM crp.progress',
  );
  const found = new Map(rows.map((row) => [row.origin, BigInt(row.position)]));
  knowledge.correct(before, found);
  const position = found.get(origin)!;
  knowledge.advance(origin, position);
  return position;
}

/** Position of the origin in `crp.progress`; its row was made when the session was opened. */
export async function writeProgress(
  session: ApplySession,
  pending: { position: bigint },
  origin: number,
): Promise<void> {
  await session.client.query({
    name: 'crp_progress',
    text: 'UPDATE crp.progress SET position = $1::bigint, applied_at = now() WHERE origin = $2::integer',
    values: [pending.position, origin],
  });
}
