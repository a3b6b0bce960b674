/** What every virtio transport gives the harness, whatever registers lie below. */
import type { InterruptLine, Interrupts } from '../port/interrupts.js';
import type { RegisterWindow } from '../port/registers.js';
import type { TransportName } from '../port/transport-name.js';
import type { virtioPciCommonCfg } from '../wire/virtio-pci.js';

/**
 * Registers by their names in the PCI common configuration, and the ISR byte. A transport that has a register of the
 * same meaning by another name reaches it by this one; where it has none `hasRegister` says so.
 */
export type DeviceRegister = keyof typeof virtioPciCommonCfg.fields | 'isr';

/** A stretch of registers or configuration bytes that can be accessed at any offset. */
export interface Region {
  readonly window: RegisterWindow;
  /** Offset of its first byte in the window. */
  readonly offset: number;
  readonly length: number;
}

/**
 * Names of regions. `pci` is PCI configuration space; `common`, `notify`, `isr` are structures of the modern PCI
 * transport, `device` is the device configuration of any; `mmio` is the whole register window of a virtio-mmio device,
 * `legacy` the registers of the legacy PCI interface.
 */
export type RegionName = 'pci' | 'common' | 'notify' | 'isr' | 'device' | 'mmio' | 'legacy';

/**
 * Interrupts as messages of their own for each vector, one line with a register of causes, or, below registers, events
 * of their own for each queue.
 */
export type InterruptKind = 'messages' | 'line' | 'events';

/** Where a queue's three areas lie, and which vector announces its used buffers. */
export interface QueueAddresses {
  /** Number of entries, a power of two for split rings. */
  readonly size: number;
  /** Descriptor Area. On a legacy transport the start of the contiguous block, and a multiple of the page size. */
  readonly desc: bigint;
  /** Driver Area: the available ring of a split queue. */
  readonly driver: bigint;
  /** Device Area: the used ring of a split queue. */
  readonly device: bigint;
  /** Of a contiguous block: the unit of its address and the alignment of the used ring, in bytes. */
  readonly layout?: { readonly page: number; readonly align: number };
  /** Vector, or undefined for none. */
  readonly vector: number | undefined;
}

/**
 * One virtio device, seen through its transport. Writes may be posted; every read waits for the writes before it.
 * A device that can no longer answer makes any method throw `DutGoneError`.
 */
export interface Transport {
  readonly kind: TransportName;
  /** Whether this is a legacy interface: contiguous rings, features 0 to 31, no FEATURES_OK. */
  readonly legacy: boolean;
  /** Whether a queue has the size that the device shows, and no other. */
  readonly fixedQueueSize: boolean;
  /** Features that are carried out above whatever the transport reaches, so that nothing there could offer them. */
  readonly featuresAbove?: bigint;
  /** Interrupts by vector, of the kind in use. */
  readonly interrupts: Interrupts;
  /** The usual one first. */
  readonly interruptKinds: ReadonlySet<InterruptKind>;
  /** Changes between kinds, as far as `interruptKinds` has them. Queues are to be set up after it. */
  useInterrupts(kind: InterruptKind): void;
  /** The vector that a queue, by its index, or the configuration has unless something else is asked for. */
  usualVector(source: number | 'config'): number | undefined;
  /** The interrupt line, where the port can watch it. */
  readonly line: InterruptLine | undefined;

  /** Sets up again what a power cycle undid below the device's own registers: bus access and interrupt messages. */
  restart(): void;
  /** Undoes what was done by hand below the device's own registers, if anything was: bus access, interrupt messages. */
  recover(): void;

  readStatus(): number;
  writeStatus(status: number): void;

  /** The 64 low feature bits that the device offers; 32 on a legacy transport. */
  deviceFeatures(): bigint;
  writeDriverFeatures(features: bigint): void;

  /** Number of queues that the device has; undefined where no register tells. */
  queueCount(): number | undefined;
  /** Largest size of a queue, 0 when it does not exist. Selects the queue. */
  queueMaxSize(queue: number): number;
  /** Programs and enables a queue. */
  enableQueue(queue: number, addresses: QueueAddresses): void;
  /**
   * Makes the device look at a queue: an available buffer notification, sent at once. `wide` makes it one of 32 bits
   * where it is otherwise one of 16.
   */
  notify(queue: number, value: number, wide?: boolean): void;
  /** Returns when the device has taken every register write so far. */
  fence(): void;

  /** Vector for configuration changes, or undefined for none. */
  setConfigVector(vector: number | undefined): void;

  /** Reads `length` bytes of the device configuration by single accesses of at most 4 bytes. */
  readConfig(offset: number, length: number): Uint8Array;
  writeConfig(offset: number, data: Uint8Array): void;

  /** Whether the transport has a register of this meaning for that kind of access. */
  hasRegister(name: DeviceRegister, access: 'read' | 'write'): boolean;
  /** Reads a register by name; 64-bit ones by two accesses. Throws TransportError where there is none. */
  readRegister(name: DeviceRegister): bigint;
  writeRegister(name: DeviceRegister, value: bigint): void;
  /** The regions of this kind of transport. */
  readonly regions: ReadonlySet<RegionName>;
  /** Where a structure lies; throws TransportError where the device has none. */
  region(name: RegionName): Region;
}

/** The device does not offer what the transport needs, or presents it in a way that the standard rules out. */
export class TransportError extends Error {
  /** Id of the requirement that is not met, where one says so. */
  readonly requirement: string | undefined;
  constructor(message: string, requirement?: string) {
    super(message);
    this.name = 'TransportError';
    this.requirement = requirement;
  }
}
