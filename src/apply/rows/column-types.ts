import { isCitext } from '../../model/types/loose-types.ts';
import type { ShapeColumn, StagedType } from '../../sql/names/shape.ts';

type ServerType = Pick<ShapeColumn, 'type' | 'typeName' | 'oid' | 'arrayOid'>;

const ofServer = (typeName: string, name: string, oids: readonly [number, number]): ServerType => ({
  ...{ typeName, type: `pg_catalog."${name}"`, oid: oids[0], arrayOid: oids[1] },
});

/**
 * Types that differ in what they have room for and in nothing else: PostgreSQL compares their values, and assigns them with
 * an error where one does not fit. Oids of PostgreSQL's catalog (`pg_type.dat`) never change.
 */
const FAMILIES: readonly (readonly ServerType[])[] = [
  [
    ofServer('smallint', 'int2', [21, 1005]),
    ofServer('integer', 'int4', [23, 1007]),
    ofServer('bigint', 'int8', [20, 1016]),
  ],
  [ofServer('text', 'text', [25, 1009]), ofServer('character varying', 'varchar', [1043, 1015])],
];

/** Types that labels of an enum, and arrays of such, are staged as. */
export const TEXT: StagedType = { type: 'pg_catalog."text"', oid: 25, arrayOid: 1009 };
export const TEXT_ARRAY: StagedType = { type: 'pg_catalog."_text"', oid: 1009, arrayOid: 0 };

/**
 * A column here as the origin's values of it are staged. A table is altered at one site after the other, and what a site
 * wrote in between has the type of that moment for ever: a column that was widened, or is about to be, goes on with the type
 * that its origin had, and a value that has no room here is kept out as one that a constraint forbids.
 *
 * @param remote the type at the origin, as `format_type()` prints it
 * @returns undefined where values of the two types are not the same values
 */
export function stagedColumn(column: ShapeColumn, remote: string): ShapeColumn | undefined {
  const [here, there] = [baseType(column.typeName), baseType(remote)];
  if (here === there) return column;
  // A key that was citext is made text at one site after the other (src/sql/checks/key-check.ts): their binary forms are the same.
  if (isCitext(here) ? there === 'text' : here === 'text' && isCitext(there)) return column;
  const family = FAMILIES.find((one) => one.some(({ typeName }) => typeName === here));
  const type = family?.find(({ typeName }) => typeName === there);
  return type === undefined ? undefined : { ...column, ...type };
}

/** Without length or precision: they do not change a value's binary form. */
function baseType(name: string): string {
  return name.replace(/\([^)]*\)/, '');
}
