import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** What PostgreSQL itself takes by default (`scram_iterations`). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * What the server keeps of a password (RFC 5803, for SCRAM-SHA-256). CREATE ROLE takes it in the place of the password,
 * which then is in no log of statements, and `password_encryption` makes no difference; it works with the methods
 * `scram-sha-256`, `md5` and `password` of pg_hba.conf.
 *
 * @param password of ASCII characters: others would have to be prepared first (RFC 4013)
 */
export function scramVerifier(password: string): string {
  const salt = randomBytes(SALT_BYTES);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, KEY_BYTES, 'sha256');
  const keyed = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyed('Client Key')).digest('base64');
  const server = keyed('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}
