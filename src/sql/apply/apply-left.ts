import type { ColumnGroup } from '../../model/ir/ir.ts';
import { ident } from '../../model/ir/names.ts';
import { BIRTH, sameKey, tableOf, tombstoneOf } from '../names/apply-names.ts';
import { dataColumns, isAdditive, STAGE } from '../names/shape.ts';
import type { Shape } from '../names/shape.ts';
import { ifChanged, ofKind } from './staged-source.ts';
import type { Source } from './staged-source.ts';

/* What was taken has, in the same transaction and under our own row lock, the change's own stamps. */

export function leftUpdates(shape: Shape, source: Source): string {
  const { entity } = shape;
  const reached = entity.groups.map((group, index) => {
    const test = isAdditive(group) ? '>=' : '=';
    const same = `e.${ident(group.stamp)} ${test} s.${ident(group.stamp)}`;
    return ifChanged(shape, index, same + sameIfDerived(shape, group), 'OR');
  });
  return left(source, {
    kind: 'U',
    taken: `FROM ${tableOf(entity)} AS e WHERE ${sameKey(entity, 'e', 's')} AND e.${BIRTH} = s.${STAGE.baseBirth} AND ${reached.join(' AND ')}`,
  });
}

export function leftInserts(shape: Shape, source: Source): string {
  const { entity } = shape;
  // A row of the same birth may be an older form of it: a derived change (src/apply/settle/derive.ts) is an insert.
  const same = entity.groups.map(
    (group) => `e.${ident(group.stamp)} = s.${ident(group.stamp)}` + sameIfDerived(shape, group),
  );
  return left(source, {
    kind: 'I',
    taken: `FROM ${tableOf(entity)} AS e WHERE ${sameKey(entity, 'e', 's')} AND e.${BIRTH} = s.${BIRTH} AND ${same.join(' AND ')}`,
  });
}

/**
 * Two changes of one derived stamp can have different values: merge decides between them, by their texts. Not by `=`: a
 * collation or a type may call different texts equal, and json has no such operator. Nor by their bytes: what is staged
 * can have the type that the column has at the origin (src/apply/rows/column-types.ts).
 */
function sameIfDerived(shape: Shape, group: ColumnGroup): string {
  const { uniques, references } = shape.entity;
  const derived =
    uniques.some(({ append }) => append !== undefined && group.columns.includes(append)) ||
    references.some(
      ({ onOrphan, columns }) =>
        onOrphan === 'set null' && columns.some((column) => group.columns.includes(column)),
    );
  const columns = dataColumns(shape).filter(({ name }) => group.columns.includes(name));
  if (!derived || columns.length === 0) return '';
  const text = (row: 'e' | 's', name: string): string => `${row}.${ident(name)}::text COLLATE "C"`;
  const same = columns.map(
    ({ name }) => `${text('e', name)} IS NOT DISTINCT FROM ${text('s', name)}`,
  );
  return ` AND (s.${ident(group.stamp)} & 2047 <> 0 OR (${same.join(' AND ')}))`;
}

export function leftDeletes(shape: Shape, source: Source): string {
  const { entity } = shape;
  // Of its own stamp alone a tombstone can be later: of an earlier incarnation, deleted elsewhere.
  const reached = `t.birth >= s.${STAGE.deletedBirth} AND t.stamp >= s.${STAGE.deletedStamp}`;
  return left(source, {
    kind: 'D',
    taken: `FROM ${tombstoneOf(entity)} AS t WHERE ${sameKey(entity, 't', 's')} AND ${reached}`,
  });
}

function left(source: Source, part: { kind: 'I' | 'U' | 'D'; taken: string }): string {
  return (
    `SELECT s.${STAGE.index} FROM ${source.from} ` +
    `WHERE ${ofKind(source, part.kind)} AND NOT EXISTS (SELECT ${part.taken})`
  );
}
