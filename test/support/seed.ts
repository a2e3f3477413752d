/**
 * Seed of everything that this process draws: SEED from the environment, else a new one. In CI `npm test` sets SEED to
 * a number of the commit, so that a commit is judged the same whenever it is tested, and the next one draws anew.
 */
export const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
