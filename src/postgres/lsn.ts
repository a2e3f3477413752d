import { AppError } from '../base/errors.ts';

const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/;

/**
 * A WAL position from its text form `16/B374D848` (PostgreSQL manual, 8.20 "pg_lsn Type").
 *
 * @throws AppError LSN_SYNTAX
 */
export function parseLsn(text: string): bigint {
  const match = LSN.exec(text);
  if (match === null) throw new AppError('LSN_SYNTAX', `"${text}" is not a WAL position`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** The text form of a WAL position, as PostgreSQL prints it. */
export function formatLsn(lsn: bigint): string {
  const half = (value: bigint): string => value.toString(16).toUpperCase();
  return `${half(lsn >> 32n)}/${half(lsn & 0xffffffffn)}`;
}
