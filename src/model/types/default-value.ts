/** Values in canonical form as SQL expressions. */
import type { ColumnType } from './column-type.ts';
import { quoteLiteral } from '../ir/names.ts';

/** The SQL expression of a canonical value (RFC 7950 §9) of a column's type. */
export function defaultExpression(type: ColumnType, canonical: string): string {
  switch (type.class) {
    case 'number':
      return canonical;
    case 'boolean':
      return type.yang?.base === 'empty' ? 'true' : canonical;
    case 'binary':
      return `'\\x${Buffer.from(canonical, 'base64').toString('hex')}'`;
    default:
      return quoteLiteral(canonical);
  }
}
