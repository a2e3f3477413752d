/** Rows that a site cannot have in its table any more with what it takes of them from another one: they wait. */
import type { Client } from 'pg';
import { localColumns } from '../../apply/catalog.ts';
import { conflictType } from '../../apply/rows/integrity.ts';
import type { Violation } from '../../apply/rows/integrity.ts';
import { RowCodec } from '../../apply/rows/row-codec.ts';
import { readPhysical } from '../../apply/settle/settling.ts';
import { image, keyImage, texts, Waiting } from '../../apply/slow/waiting.ts';
import type { Image } from '../../apply/slow/waiting.ts';
import { BIRTH_COLUMN } from '../../model/ir/ir.ts';
import { isKey } from '../../sql/ddl/waiting-ddl.ts';
import { shippedNames } from '../../sql/names/shape.ts';
import type { TakenGroups } from './adopt-groups.ts';

const FILL = `UPDATE crp.waiting SET row = row || $3::jsonb WHERE entity = $1 AND ${isKey('key', '$2::jsonb')}`;

/**
 * Parks a row with the groups that were taken; the table keeps it as it is. In the caller's transaction. The settler
 * decides later which rows are in the table.
 *
 * @param taking `whole`: `row` has all columns, and may be of one that is not here
 */
export async function parkGroups(
  client: Client,
  { entity, columns, site }: Pick<TakenGroups, 'entity' | 'columns' | 'site'>,
  taking: { row: Image; whole: boolean; violation: Violation },
): Promise<void> {
  const names = new Set(shippedNames(entity));
  const local = (await localColumns(client, entity)).filter(({ name }) => names.has(name));
  const codec = new RowCodec({ entity, columns: local });
  const key = keyImage(entity, local, texts(local, taking.row));
  const { texts: base } = await readPhysical(client, codec, key);
  const groups = Object.fromEntries(columns.map((name) => [name, taking.row[name] ?? null]));
  const waiting = new Waiting(client);
  const known = (await waiting.read(entity, [key])).get(0);
  if (known !== undefined) {
    if (known.row[BIRTH_COLUMN] !== taking.row[BIRTH_COLUMN]) return;
    await client.query(FILL, [entity.name, JSON.stringify(key), JSON.stringify(groups)]);
    return;
  }
  if (base === undefined && !taking.whole) return;
  const row = base === undefined ? taking.row : { ...image(local, base), ...groups };
  const { violation } = taking;
  await waiting.park(
    {
      ...{ entity, columns: local, row: texts(local, row), base },
      ...{ type: conflictType(violation), method: 'park', reason: violation.message },
    },
    site,
  );
}
