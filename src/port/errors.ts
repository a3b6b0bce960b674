/** Errors that a port can throw. Each has a stable code; messages name the thing, the expected and the got. */

export type PortErrorCode =
  | 'DUT_GONE'
  | 'DUT_STALLED'
  | 'DMA_EXHAUSTED'
  | 'CONTROL_REFUSED'
  | 'PORT_PROTOCOL'
  | 'PORT_SETUP';

export class PortError extends Error {
  readonly code: PortErrorCode;
  constructor(code: PortErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PortError';
    this.code = code;
  }
}

/** The device under test has ended or closed its connection: nothing more can be learned from it. */
export class DutGoneError extends PortError {
  constructor(message: string) {
    super('DUT_GONE', message);
    this.name = 'DutGoneError';
  }
}

/** The device under test lives, and has not answered what it must answer. */
export class DutStalledError extends PortError {
  constructor(message: string) {
    super('DUT_STALLED', message);
    this.name = 'DutStalledError';
  }
}
