/**
 * A device reached below registers: the side of a virtio device that a virtual machine monitor hands to a vhost
 * back-end, be that a process behind a socket or the kernel. There are features, rings and events; there is no status
 * register, no PCI function and no register window, and a device configuration only where the back-end has one.
 */

/** One virtqueue as a back-end is told of it. Addresses are those of the port's `dma`. */
export interface VhostRing {
  /** Entries. */
  readonly size: number;
  /**
   * Where the back-end goes on. Split: the available index. Packed: offset of the next available descriptor with its
   * wrap counter in bit 15, and from bit 16 on the same of the next used one.
   */
  readonly base: number;
  /** Descriptor Area. */
  readonly desc: bigint;
  /** Driver Area. */
  readonly driver: bigint;
  /** Device Area. */
  readonly device: bigint;
}

/** The device configuration by whole ranges. */
export interface VhostConfig {
  /**
   * Whether the back-end answers for it. Otherwise these are values that the port puts in its place, as a virtual
   * machine monitor does; they say nothing about the device.
   */
  readonly served: boolean;
  /** Bytes. */
  readonly size: number;
  /** Throws `VhostRefusedError` when the back-end says that it cannot. */
  read(offset: number, length: number): Uint8Array;
  write(offset: number, data: Uint8Array): void;
}

/** The device status, where the back-end keeps one itself. */
export interface VhostStatus {
  read(): number;
  /** 0 resets the device. */
  write(status: number): void;
}

/**
 * A vhost back-end. A session goes: `setFeatures`, `setRing` for every queue, `start`; then `kick`; and `reset`, after
 * which it begins anew. Used buffers are announced by the port's `interrupts`: a queue's vector is its index, and where
 * the back-end can tell of configuration changes, their vector is `configVector`. Memory is the port's business: the
 * back-end knows all of `dma` before the first ring is set.
 *
 * Everything returns when the back-end has taken it, as far as it lets anybody know. A back-end that is gone makes any
 * method throw `DutGoneError`, one that does not answer in time `DutStalledError`, and one that answers what cannot be
 * meant `PortError` PORT_PROTOCOL.
 */
export interface VhostAttachment {
  readonly kind: 'vhost';
  /** Number of queues that the back-end has or can have, control and event queue among them; undefined: not told. */
  readonly queues: number | undefined;
  /** Most entries of a ring. */
  readonly maxRingSize: number;
  /** The features that the back-end offers to the driver; what vhost itself uses of the word is left out. */
  features(): bigint;
  /** The features that the driver has chosen. Throws `VhostRefusedError`. */
  setFeatures(features: bigint): void;
  readonly config: VhostConfig;
  /** Undefined where the back-end has no status. */
  readonly status: VhostStatus | undefined;
  /** The vector of configuration changes; undefined where the back-end cannot tell of them. */
  readonly configVector: number | undefined;
  /** Places a queue, stopped, and gives it its events. Throws `VhostRefusedError`. */
  setRing(queue: number, ring: VhostRing): void;
  /** The back-end serves the rings that are set from now on. Throws `VhostRefusedError`. */
  start(): void;
  /** Makes the back-end look at a queue: an available buffer notification. */
  kick(queue: number): void;
  /** Ends the service of a queue, and returns where it stands, as `VhostRing.base`. */
  stopRing(queue: number): number;
  /** Stops every ring and resets the device as far as the back-end has a way to. */
  reset(): void;
  /** The queues on whose rings the back-end has reported an error since they were set, or since `reset`. */
  faults(): readonly number[];
}

/** The back-end has said that it will not do what it was asked for. */
export class VhostRefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VhostRefusedError';
  }
}
