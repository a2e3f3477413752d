import { appended, derivedStamp, givesWay } from '../../merge/claims.ts';
import type { Claimant, UniqueRule } from '../../merge/claims.ts';
import { valueColumns } from '../../merge/policy.ts';
import { siteOfStamp } from '../../merge/stamps.ts';
import type { RowVersion } from '../../merge/types.ts';
import { placeRow } from '../slow/exchange.ts';
import { lockIncumbents } from './incumbents.ts';
import type { RowCodec } from '../rows/row-codec.ts';
import type { Settling, Target } from './settling.ts';
import { image, keyText, texts } from '../slow/waiting.ts';
import type { Image } from '../slow/waiting.ts';

/*
 * The forms that a row takes one after the other while it has to give way to others (methods append-site and
 * append-sequence), and the writing of them.
 */

/** Forms that are tried in one go; a row that needs more is tried again later. */
const MAX_FORMS = 1_000;
/** Rows that are made to give way for one. */
const MAX_DEPTH = 50;

/** A row that gives way, in the table or about to come into it. */
export interface Form {
  target: Target;
  codec: RowCodec;
  key: Image;
  row: RowVersion;
  present: boolean;
  /** The constraints by which it gives way; each has a group of its own. */
  uniques: readonly UniqueRule[];
}

/** A row under one of them. */
type UnderRule = Omit<Form, 'uniques' | 'present'> & { unique: UniqueRule };

/** The place of the column that is lengthened, among the row's values. */
export function placeOf({ entity }: Target, unique: UniqueRule): number {
  return valueColumns(entity).findIndex(({ name }) => name === unique.append!.column);
}

/**
 * Writes the first next form of the row that gives way to nobody; whoever has to give way to that form gets
 * its own next form before.
 *
 * @returns undefined where it cannot be done; the caller undoes what was written
 */
export async function placeForm(
  settling: Settling,
  form: Form,
  depth = 0,
): Promise<RowVersion | undefined> {
  const { codec, key, present } = form;
  if (depth > MAX_DEPTH) return undefined;
  let { row } = form;
  for (const unique of form.uniques) {
    const next = await nextForm(settling, { ...form, row, unique });
    if (next === undefined) return undefined;
    row = next;
  }
  for (const unique of form.uniques) {
    if (!(await othersGiveWay(settling, { ...form, row, unique }, depth))) return undefined;
  }
  // Of an incumbent the key's image has the whole row: columns of no group stay as they are.
  const written = codec.texts(row, texts(codec.shape.columns, key));
  const outcome = await placeRow(settling.local, codec, { row: written, present });
  return outcome === undefined ? row : undefined;
}

/** Has rows of the table that have this form's values get their next forms. False where it cannot be done. */
async function othersGiveWay(settling: Settling, form: UnderRule, depth: number): Promise<boolean> {
  const { target, codec, unique } = form;
  for (const { texts: values } of await incumbentsOf(settling, form)) {
    const other = {
      ...{ target, codec, key: image(codec.shape.columns, values), row: codec.version(values) },
      ...{ present: true, uniques: [unique] },
    };
    if ((await placeForm(settling, other, depth + 1)) === undefined) return false;
  }
  return true;
}

/** The next forms of the row, one after the other, until it gives way to nobody. */
async function nextForm(settling: Settling, form: UnderRule): Promise<RowVersion | undefined> {
  const { target, unique } = form;
  const { method, append } = unique;
  if (append === undefined || (method !== 'append-site' && method !== 'append-sequence')) {
    return undefined;
  }
  const place = placeOf(target, unique);
  let { row } = form;
  for (let step = 0; step < MAX_FORMS; step++) {
    // Of the row as it is now: a site that begins in the middle must come to the same forms.
    const cause = siteOfStamp(row.stamps[append.group]!) || siteOfStamp(row.birth);
    const site = cause === 0 ? '0' : settling.options.siteNames().get(cause);
    const value = row.values[place];
    if (site === undefined || value == null) return undefined;
    row = { ...row, stamps: [...row.stamps], values: [...row.values] };
    row.values[place] = appended(method, value, site);
    row.stamps[append.group] = derivedStamp(row.stamps[append.group]!);
    if (!(await hasToGiveWay(settling, { ...form, row }))) return row;
  }
  return undefined;
}

/** Those of a row's constraints by which a row of the table has its values by a better claim. */
export async function rulesThatWin(settling: Settling, form: Form): Promise<UniqueRule[]> {
  const winning: UniqueRule[] = [];
  for (const unique of form.uniques) {
    if (await hasToGiveWay(settling, { ...form, unique })) winning.push(unique);
  }
  return winning;
}

/** Whether a row of the table has this one's values by a better claim. */
async function hasToGiveWay(settling: Settling, form: UnderRule): Promise<boolean> {
  const { target, unique, key, row } = form;
  const one = { key: keyText(target.entity, key), row };
  const others = await incumbentsOf(settling, form);
  return others.some(({ other }) => givesWay(target.rules, unique, { one, other }));
}

/** Rows of the table that have the values of this form under its constraint; locked. */
async function incumbentsOf(
  { local }: Settling,
  { target, codec, key, row, unique }: UnderRule,
): Promise<{ other: Claimant; texts: (string | null)[] }[]> {
  const { columns } = codec.shape;
  const values = codec.texts(row, texts(columns, key));
  const found = new Map<string, { other: Claimant; texts: (string | null)[] }>();
  for (const { index, unique: rule } of target.indexes) {
    if (rule !== unique) continue;
    for (const one of await lockIncumbents(local, values, { shape: codec.shape, index })) {
      const other = { key: keyText(target.entity, image(columns, one)), row: codec.version(one) };
      found.set(other.key, { other, texts: one });
    }
  }
  return [...found.values()];
}
