import type { Bit, EnumValue } from '../schema-types.ts';
import type { Statement } from '../statement.ts';
import {
  argumentSpan,
  findSubstatement,
  findSubstatements,
  substatementArgument,
} from '../statement.ts';
import { didYouMean } from '../suggest.ts';
import { reportDuplicate } from './definitions.ts';
import { statusOf } from './status.ts';
import { extensionsIn } from './extensions.ts';
import type { Session } from './session.ts';
import type { Scope } from './unit.ts';

/** The members of an enumeration or bits type, with their numbers. */
interface Member {
  name: string;
  number: number;
  statement: Statement;
}

const LIMITS = {
  enum: { keyword: 'value', least: -2147483648, greatest: 2147483647 },
  bit: { keyword: 'position', least: 0, greatest: 4294967295 },
} as const;

/** The enums of a `type` statement (RFC 7950 §9.6.4), a subset of `base` when there is one. */
export function resolveEnums(
  session: Session,
  type: Statement,
  { scope, base, baseName }: { scope: Scope; base: EnumValue[] | undefined; baseName: string },
): EnumValue[] {
  const given = base?.map(({ name, value }) => ({ name, number: value }));
  return members(session, type, { kind: 'enum', scope, base: given, baseName }).map(
    ({ name, number, statement }) => ({
      name,
      value: number,
      ...common(session, statement, scope),
    }),
  );
}

/** The bits of a `type` statement (RFC 7950 §9.7.4), by position. */
export function resolveBits(
  session: Session,
  type: Statement,
  { scope, base, baseName }: { scope: Scope; base: Bit[] | undefined; baseName: string },
): Bit[] {
  const given = base?.map(({ name, bitPosition }) => ({ name, number: bitPosition }));
  const bits = members(session, type, { kind: 'bit', scope, base: given, baseName }).map(
    ({ name, number, statement }) => ({
      name,
      bitPosition: number,
      ...common(session, statement, scope),
    }),
  );
  return bits.sort((one, other) => one.bitPosition - other.bitPosition);
}

function common(
  session: Session,
  statement: Statement,
  scope: Scope,
): Omit<EnumValue, 'name' | 'value'> {
  return {
    status: statusOf(statement),
    description: substatementArgument(statement, 'description'),
    position: statement.position,
    extensions: extensionsIn(session, statement, scope),
  };
}

interface MemberPlace {
  kind: 'enum' | 'bit';
  scope: Scope;
  base: { name: string; number: number }[] | undefined;
  baseName: string;
}

/** Numbers the members: those without a number get the highest one so far plus 1. */
function members(session: Session, type: Statement, place: MemberPlace): Member[] {
  const found: Member[] = [];
  const enabled: Member[] = [];
  for (const statement of findSubstatements(type, place.kind)) {
    const name = statement.argument ?? '';
    const twin = found.find((member) => member.name === name);
    if (twin !== undefined) {
      reportDuplicate(session.reporter, { what: place.kind, statement, first: twin.statement });
      continue;
    }
    const number = numberOf(session, statement, { place, found });
    if (number === undefined) continue;
    const member = { name, number, statement };
    found.push(member);
    if (session.features.allEnabled(statement, place.scope)) enabled.push(member);
  }
  return enabled;
}

function numberOf(
  session: Session,
  statement: Statement,
  { place, found }: { place: MemberPlace; found: Member[] },
): number | undefined {
  const { keyword, least, greatest } = LIMITS[place.kind];
  const written = findSubstatement(statement, keyword);
  if (place.base !== undefined) return numberFromBase(session, statement, { place, written });
  const next = written === undefined ? following(found) : Number(written.argument);
  const twin = found.find((member) => member.number === next);
  if (next < least || next > greatest || !Number.isInteger(next)) {
    const problem = `${keyword} ${next} is not between ${least} and ${greatest}`;
    session.reporter.report('enum-value', argumentSpan(written ?? statement), { problem });
    return undefined;
  }
  if (twin !== undefined) {
    const problem = `${keyword} ${next} is already that of "${twin.name}"`;
    const related = [{ message: `"${twin.name}" is here`, position: twin.statement.position }];
    session.reporter.report(
      'enum-value',
      argumentSpan(written ?? statement),
      { problem },
      { related },
    );
    return undefined;
  }
  return next;
}

/** One more than the highest number so far; the first is 0. */
function following(found: Member[]): number {
  return found.length === 0 ? 0 : Math.max(...found.map((member) => member.number)) + 1;
}

function numberFromBase(
  session: Session,
  statement: Statement,
  { place, written }: { place: MemberPlace; written: Statement | undefined },
): number | undefined {
  const { base = [], baseName, kind } = place;
  const name = statement.argument ?? '';
  const member = base.find((other) => other.name === name);
  if (member === undefined) {
    const hint = didYouMean(
      name,
      base.map((other) => other.name),
    );
    const parameters = { what: kind, name, type: baseName };
    session.reporter.report('enum-not-in-base', argumentSpan(statement), parameters, { hint });
    return undefined;
  }
  if (written !== undefined && Number(written.argument) !== member.number) {
    const problem = `"${name}" is ${member.number} in type ${baseName}`;
    session.reporter.report('enum-value', argumentSpan(written), { problem });
  }
  return member.number;
}
