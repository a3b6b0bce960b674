/** What every virtio transport gives the harness, whatever registers lie below. */
import type { Interrupts } from '../port/interrupts.js';
import type { RegisterWindow } from '../port/registers.js';
import type { virtioPciCommonCfg } from '../wire/virtio-pci.js';

/** Registers that every transport has, by their names in the PCI common configuration, and the ISR byte. */
export type DeviceRegister = keyof typeof virtioPciCommonCfg.fields | 'isr';

/** A stretch of registers or configuration bytes that can be accessed at any offset. */
export interface Region {
  readonly window: RegisterWindow;
  /** Offset of its first byte in the window. */
  readonly offset: number;
  readonly length: number;
}

/** Names of regions. `pci` is PCI configuration space, the others are the structures of the transport. */
export type RegionName = 'pci' | 'common' | 'notify' | 'isr' | 'device';

/** Where a queue's three areas lie, and which vector announces its used buffers. */
export interface QueueAddresses {
  /** Number of entries, a power of two for split rings. */
  readonly size: number;
  /** Descriptor Area. */
  readonly desc: bigint;
  /** Driver Area: the available ring of a split queue. */
  readonly driver: bigint;
  /** Device Area: the used ring of a split queue. */
  readonly device: bigint;
  /** Vector, or undefined for none. */
  readonly vector: number | undefined;
}

/**
 * One virtio device, seen through its transport. Writes may be posted; every read waits for the writes before it.
 * A device that can no longer answer makes any method throw `DutGoneError`.
 */
export interface Transport {
  readonly kind: 'virtio-pci';
  /** Interrupts by vector; vectors are usable after `useVectors`. */
  readonly interrupts: Interrupts;

  /** Sets up again what a power cycle undid below the device's own registers: bus access and interrupt messages. */
  restart(): void;
  /** Undoes what was done by hand below the device's own registers, if anything was: bus access, interrupt messages. */
  recover(): void;

  readStatus(): number;
  writeStatus(status: number): void;

  /** The 64 low feature bits that the device offers. */
  deviceFeatures(): bigint;
  writeDriverFeatures(features: bigint): void;

  /** Number of queues that the device has. */
  queueCount(): number;
  /** Largest size of a queue, 0 when it does not exist. Selects the queue. */
  queueMaxSize(queue: number): number;
  /** Programs and enables a queue. */
  enableQueue(queue: number, addresses: QueueAddresses): void;
  /**
   * Makes the device look at a queue: an available buffer notification, sent at once. `value` is written instead of
   * the queue's index, if given.
   */
  notify(queue: number, value?: number): void;
  /** Returns when the device has taken every register write so far. */
  fence(): void;

  /** Vector for configuration changes, or undefined for none. */
  setConfigVector(vector: number | undefined): void;

  /** Reads `length` bytes of the device configuration by single accesses of at most 4 bytes. */
  readConfig(offset: number, length: number): Uint8Array;
  writeConfig(offset: number, data: Uint8Array): void;
  configGeneration(): number;

  /** Reads a register by name; 64-bit ones by two accesses. */
  readRegister(name: DeviceRegister): bigint;
  writeRegister(name: DeviceRegister, value: bigint): void;
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
