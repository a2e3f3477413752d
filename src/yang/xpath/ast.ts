/**
 * Abstract syntax of XPath 1.0 (W3C REC-xpath-19991116) as used by `must`, `when` and `path`
 * (RFC 7950 §6.4). Offsets count characters in the expression's text.
 */

export type Expression =
  | BinaryExpression
  | NegateExpression
  | UnionExpression
  | PathExpression
  | FilterExpression
  | LiteralExpression
  | NumberExpression
  | VariableExpression
  | CallExpression;

export interface Located {
  offset: number;
  length: number;
}

export type BinaryOperator =
  'or' | 'and' | '=' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | 'div' | 'mod';

export interface BinaryExpression extends Located {
  kind: 'binary';
  operator: BinaryOperator;
  left: Expression;
  right: Expression;
}

export interface NegateExpression extends Located {
  kind: 'negate';
  operand: Expression;
}

export interface UnionExpression extends Located {
  kind: 'union';
  left: Expression;
  right: Expression;
}

/** A location path (XPath 1.0 §2), or `filter/step/step` when `start` is present. */
export interface PathExpression extends Located {
  kind: 'path';
  absolute: boolean;
  /** The expression whose nodes the steps start from, `deref(.)` in `deref(.)/../name`. */
  start: Expression | undefined;
  steps: Step[];
}

/** A primary expression with predicates, `(…)[…]`. */
export interface FilterExpression extends Located {
  kind: 'filter';
  primary: Expression;
  predicates: Expression[];
}

export interface LiteralExpression extends Located {
  kind: 'literal';
  value: string;
}

export interface NumberExpression extends Located {
  kind: 'number';
  value: number;
}

export interface VariableExpression extends Located {
  kind: 'variable';
  name: string;
}

export interface CallExpression extends Located {
  kind: 'call';
  name: string;
  arguments: Expression[];
}

export type Axis =
  | 'ancestor'
  | 'ancestor-or-self'
  | 'attribute'
  | 'child'
  | 'descendant'
  | 'descendant-or-self'
  | 'following'
  | 'following-sibling'
  | 'namespace'
  | 'parent'
  | 'preceding'
  | 'preceding-sibling'
  | 'self';

export type NodeTest =
  | {
      kind: 'name';
      /** Without one, the name is in the namespace of the node that the expression belongs to. */
      prefix: string | undefined;
      /** `*` matches any name. */
      name: string;
    }
  | { kind: 'node' | 'text' | 'comment' | 'processing-instruction' };

export interface Step extends Located {
  axis: Axis;
  test: NodeTest;
  predicates: Expression[];
}
