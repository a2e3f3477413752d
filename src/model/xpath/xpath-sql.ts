/**
 * Conditions (`must`, `when`) that one row can answer as SQL expressions (XPath 1.0; RFC 7950 §6.4, §10).
 * XPath has no unknown: what is absent compares as false, so wherever a column may be NULL the comparison
 * is made false too.
 */
import type { BoundXPath } from '../../yang/schema.ts';
import type { BinaryExpression, CallExpression, Expression } from '../../yang/xpath/ast.ts';
import type { ColumnDraft, EntityDraft } from '../draft/draft.ts';
import { compareValues, toBoolean, toNumber } from './xpath-compare.ts';
import { callFunction } from './xpath-functions.ts';
import { pathValue } from './xpath-path.ts';
import type { SqlValue } from './xpath-values.ts';
import { isNullable, NotInRow } from './xpath-values.ts';

export interface SqlCondition {
  sql: string;
  /** The columns it reads. */
  columns: ColumnDraft[];
}

/**
 * The condition as a boolean SQL expression over the entity's row, never NULL.
 *
 * @throws NotInRow for what needs more than the row, or what has no counterpart in SQL
 */
export function conditionSql(xpath: BoundXPath, draft: EntityDraft): SqlCondition {
  const compiler = new ConditionCompiler(xpath, draft);
  const sql = toBoolean(compiler.value(xpath.expression));
  return { sql, columns: [...compiler.columns] };
}

/** Turns expressions into SQL; functions call back for their arguments. */
export class ConditionCompiler {
  readonly columns = new Set<ColumnDraft>();
  readonly xpath: BoundXPath;
  readonly draft: EntityDraft;

  constructor(xpath: BoundXPath, draft: EntityDraft) {
    this.xpath = xpath;
    this.draft = draft;
  }

  value(expression: Expression): SqlValue {
    switch (expression.kind) {
      case 'binary':
        return this.#binary(expression);
      case 'negate': {
        const operand = toNumber(this.value(expression.operand), expression);
        return { ...operand, sql: `(-${operand.sql})`, literal: false };
      }
      case 'literal':
        return { kind: 'literal', text: expression.value };
      case 'number':
        return { kind: 'number', sql: String(expression.value), nullable: false, literal: true };
      case 'path':
        return this.#path(expression);
      case 'call':
        return this.#call(expression);
      default:
        throw new NotInRow('there is no SQL for this kind of expression', expression);
    }
  }

  #path(expression: Extract<Expression, { kind: 'path' }>): SqlValue {
    return this.#note(pathValue(expression, this.xpath, this.draft));
  }

  #note(value: SqlValue): SqlValue {
    if (value.kind === 'column' || value.kind === 'array') this.columns.add(value.column);
    return value;
  }

  #call(expression: CallExpression): SqlValue {
    if (expression.name !== 'current') return callFunction(expression, this);
    const { offset, length } = expression;
    return this.#path({
      kind: 'path',
      absolute: false,
      start: undefined,
      steps: [],
      offset,
      length,
    });
  }

  #binary(expression: BinaryExpression): SqlValue {
    const { operator } = expression;
    const left = this.value(expression.left);
    const right = this.value(expression.right);
    switch (operator) {
      case 'or':
      case 'and':
        return {
          kind: 'boolean',
          sql: `(${toBoolean(left)} ${operator.toUpperCase()} ${toBoolean(right)})`,
        };
      case '=':
      case '!=':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return {
          kind: 'boolean',
          sql: compareValues(operator, { left, right, at: expression, xpath: this.xpath }),
        };
      default:
        return this.#arithmetic(expression, left, right);
    }
  }

  #arithmetic(expression: BinaryExpression, left: SqlValue, right: SqlValue): SqlValue {
    const one = toNumber(left, expression.left);
    const other = toNumber(right, expression.right);
    const nullable = isNullable(one) || isNullable(other);
    const { operator } = expression;
    // In XPath a division by zero is no error but gives no number, and that compares as false.
    if (operator === 'div') {
      return { kind: 'number', sql: `(${one.sql} / nullif(${other.sql}, 0))`, nullable: true };
    }
    if (operator === 'mod') {
      return { kind: 'number', sql: `(${one.sql} % nullif(${other.sql}, 0))`, nullable: true };
    }
    return { kind: 'number', sql: `(${one.sql} ${operator} ${other.sql})`, nullable };
  }
}
