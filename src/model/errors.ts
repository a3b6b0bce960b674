/**
 * What a driver can do wrong so badly that only a reset helps. These errors never leave the model: they end in
 * DEVICE_NEEDS_RESET ("Device Status Field").
 */
export class DriverError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DriverError';
  }
}

/** The driver named an address that no memory answers. */
export class DmaFault extends DriverError {
  readonly iova: bigint;
  readonly length: number;
  constructor(iova: bigint, length: number) {
    super(`no memory for ${length} bytes at 0x${iova.toString(16)}`);
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
