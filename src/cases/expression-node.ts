/** The tree of a parsed expression: all that is left of jsep's after checking. */

export type UnaryOperator = '-' | '~' | '!';
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '&&'
  | '||';

export type ExpressionNode =
  | { readonly type: 'number'; readonly value: bigint }
  | { readonly type: 'name'; readonly name: string }
  | { readonly type: 'unary'; readonly operator: UnaryOperator; readonly argument: ExpressionNode }
  | {
      readonly type: 'binary';
      readonly operator: BinaryOperator;
      readonly left: ExpressionNode;
      readonly right: ExpressionNode;
    }
  | { readonly type: 'call'; readonly function: string; readonly arguments: readonly ExpressionNode[] };
