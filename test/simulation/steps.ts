import type { Statement } from './statement.ts';

/** One step of a scenario. A step that does not fit the state does nothing, so any subset is a scenario. */
export type Step =
  | { do: 'write'; site: number; durably: boolean; statements: Statement[] }
  | { do: 'wal'; site: number }
  | { do: 'capture'; site: number; count: number; flush: boolean }
  | { do: 'store'; site: number }
  | { do: 'confirm'; site: number }
  | { do: 'pull'; site: number; from: number; origin: number; count: number; again: number }
  | { do: 'read'; site: number; origin: number; count: number }
  | { do: 'announce'; site: number; origin: number }
  | { do: 'commit'; site: number; origin: number }
  | { do: 'clock'; site: number; by: number }
  /** The site looks after the stability of what its histories hold. */
  | { do: 'trim'; site: number }
  /** The site removes rows whose time is over, and looks after their stability. */
  | { do: 'expire'; site: number; durably: boolean }
  /** The site is destroyed, with its database and its journal. */
  | { do: 'lose'; site: number }
  /** The site forgets of its journal what nobody can ask for. */
  | { do: 'retain'; site: number }
  | { do: 'greet'; site: number; with: number }
  /** A new site joins over this one (membership.ts); it opens with a clock that is off by so much. */
  | { do: 'invite' | 'admit' | 'copy'; site: number; newcomer: number }
  | { do: 'open'; site: number; offset: number }
  /** The site leaves (departure.ts): writers are stopped, members are told; or writers go on. */
  | { do: 'lock'; site: number; away: number[] }
  | { do: 'leave'; site: number; told: number[] }
  | { do: 'unlock'; site: number }
  /** The site declares another one gone for good. */
  | { do: 'remove'; site: number; gone: number }
  | { do: 'crash'; site: number; what: 'agent' | 'database' | 'machine' };

/** More than there ever is. */
export const ALL = 1_000_000;

/** A site applies so much of an origin. */
export function applying(site: number, origin: number, count: number): Step[] {
  return [
    { do: 'read', site, origin, count },
    { do: 'announce', site, origin },
    { do: 'commit', site, origin },
  ];
}

/** One line for a trace. */
export function describeStep(step: Step): string {
  const head = `site ${step.site} ${step.do}`;
  switch (step.do) {
    case 'write': {
      const statements = step.statements.map(describeStatement).join('; ');
      return `${head}${step.durably ? '' : ' (asynchronous)'}: ${statements}`;
    }
    case 'capture':
      return `${head} ${step.count}${step.flush ? ' and flush' : ''}`;
    case 'pull':
      return `${head} ${step.count} of ${step.origin} from ${step.from}, ${step.again} again`;
    case 'read':
      return `${head} ${step.count} of ${step.origin}`;
    case 'announce':
    case 'commit':
      return `${head} ${step.origin}`;
    case 'clock':
      return `${head} by ${step.by} µs`;
    case 'greet':
      return `${head} ${step.with}`;
    case 'invite':
    case 'admit':
    case 'copy':
      return `${head} ${step.newcomer}`;
    case 'lock':
      return `${head}${step.away.length > 0 ? ` without ${step.away.join(', ')}` : ''}`;
    case 'leave':
      return `${head} telling ${step.told.join(', ')}`;
    case 'remove':
      return `${head} ${step.gone}`;
    case 'crash':
      return `${head} of the ${step.what}`;
    default:
      return head;
  }
}

function describeStatement(statement: Statement): string {
  const row = `${statement.entity}/${statement.key}`;
  if (statement.op === 'update') return `update ${row} groups ${statement.groups.toString(2)}`;
  return statement.op === 'rekey' ? `rekey ${row} to ${statement.to}` : `${statement.op} ${row}`;
}
