/** The one error type of the case language. Its code is stable; its message is for the author of the case. */

export type CaseErrorCode =
  | 'SYNTAX'
  | 'UNKNOWN_NAME'
  | 'UNKNOWN_FUNCTION'
  | 'KIND_MISMATCH'
  | 'OUT_OF_RANGE'
  | 'DIVISION_BY_ZERO'
  | 'LIMIT'
  | 'NOT_AVAILABLE'
  | 'NO_ENCODING'
  | 'NOT_FOR_OUTPUT'
  | 'LENGTH';

/** Something in a case cannot be read or computed. */
export class CaseError extends Error {
  readonly code: CaseErrorCode;
  /** Column within the text at fault, from 1. */
  readonly column: number | undefined;

  constructor(code: CaseErrorCode, message: string, column?: number) {
    super(message);
    this.name = 'CaseError';
    this.code = code;
    this.column = column;
  }
}
