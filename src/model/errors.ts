/** Kinds of mistakes of a driver. */
export type Fault =
  /** A request that cannot be answered. */
  | 'request'
  /** Memory that is not there. */
  | 'address'
  | 'alignment'
  /** An available index that no driver can have reached. */
  | 'index'
  /** A descriptor outside the table, or one that was not made available. */
  | 'range'
  | 'loop'
  /** More descriptors than the queue has. */
  | 'count'
  /** More bytes than a chain may have. */
  | 'bytes'
  /** A readable descriptor after a writable one. */
  | 'order'
  | 'indirect-unnegotiated'
  | 'indirect-nested'
  | 'indirect-linked'
  /** An indirect table that is empty or no whole number of entries. */
  | 'indirect-length'
  /** A notification that tells another position than the ring. */
  | 'notification';

/**
 * What a driver can do wrong so badly that only a reset helps. These errors never leave the model: they end in
 * DEVICE_NEEDS_RESET ("Device Status Field").
 */
export class DriverError extends Error {
  readonly fault: Fault;
  constructor(message: string, fault: Fault = 'request') {
    super(message);
    this.name = 'DriverError';
    this.fault = fault;
  }
}

/** The driver named an address that no memory answers. */
export class DmaFault extends DriverError {
  readonly iova: bigint;
  readonly length: number;
  constructor(iova: bigint, length: number) {
    super(`no memory for ${length} bytes at 0x${iova.toString(16)}`, 'address');
    this.name = 'DmaFault';
    this.iova = iova;
    this.length = length;
  }
}

/** The model was configured in a way that cannot be built; a mistake of whoever made the configuration. */
export class ModelConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ModelConfigError';
  }
}
