import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withConnection } from '../../src/postgres/connect.ts';

/** The clock in the functions of stamps, as they are made, or as it was shifted before. */
const CLOCK = /\(?clock_timestamp\(\)( \+ interval '-?\d+ ms'\))?/g;

/**
 * Sets the clock by which a site stamps its writes, ms ahead of the machine's: the functions of its triggers are
 * replaced by ones that are off. The machine's clock, and that of other sites, stay as they are.
 *
 * @param dsn a superuser of the site's database
 */
export async function shiftStamps(dsn: string, ms: number): Promise<void> {
  await withConnection(dsn, 'test clock', async (client) => {
    const { rows } = await client.query<{ definition: string }>(
      `SELECT pg_get_functiondef(p.oid) AS definition FROM pg_proc AS p
       WHERE p.pronamespace = 'crp'::regnamespace AND p.prosrc LIKE '%clock_timestamp()%'`,
    );
    if (rows.length === 0) throw new Error('no function of stamps was found');
    for (const { definition } of rows) {
      await client.query(
        definition.replaceAll(CLOCK, `(clock_timestamp() + interval '${Math.round(ms)} ms')`),
      );
    }
  });
}

/**
 * A module that shifts `Date.now` of a process that is started with it (`node --import URL`) by the number of ms
 * in `file`, which is read again at every call.
 *
 * @returns URL of the module
 */
export function shiftedDate(folder: string): { url: string; set: (ms: number) => void } {
  const file = join(folder, 'clock');
  const module = join(folder, 'clock.mjs');
  const set = (ms: number): void => writeFileSync(file, String(ms));
  set(0);
  writeFileSync(
    module,
    `import { readFileSync } from 'node:fs';
const now = Date.now;
Date.now = () => now() + Number(readFileSync(${JSON.stringify(file)}, 'utf8'));\n`,
  );
  return { url: pathToFileURL(module).href, set };
}
