/** What the device does with a virtqueue, whatever its format ("Virtqueues"). */
import type { ByteOrder } from '../../wire/layout.js';
import type { Behaviours, UsedContext, UsedElement } from '../behaviours.js';
import { DriverError } from '../errors.js';
import type { Chain } from './chain.js';

/** Where the parts of a queue lie and which features shape it. */
export interface RingSetup {
  readonly index: number;
  readonly size: number;
  readonly descriptors: bigint;
  readonly driver: bigint;
  readonly device: bigint;
  readonly indirect: boolean;
  readonly eventIdx: boolean;
  /** A legacy feature: a notification when the available buffers run out, however they are suppressed. */
  readonly notifyOnEmpty: boolean;
  /** Byte order of the fields: the guest's for a legacy driver, otherwise little. */
  readonly order: ByteOrder;
  /** Where the device goes on. */
  readonly start: RingPosition;
}

/**
 * How far a device has come in a ring. Split: the counters of both rings. Packed: positions over two laps, that with
 * wrap counter 1 first.
 */
export interface RingPosition {
  /** What is taken next. */
  readonly taken: number;
  /** What is returned next; undefined: as the ring in memory says. */
  readonly used: number | undefined;
}

/** Where a ring begins that was never used. */
export const FRESH_RING: RingPosition = { taken: 0, used: 0 };

const FENCE = new Int32Array(1);

/**
 * Keeps reads after it from being carried out before writes ahead of it, as far as a driver in another process can see:
 * what either side suppresses rests on that ("Driver Requirements: Available Buffer Notification Suppression").
 */
export function fence(): void {
  Atomics.store(FENCE, 0, 1);
}

/** Takes available chains and gives used ones back. Whatever the driver got wrong ends in a `DriverError`. */
export interface Ring {
  /**
   * Where the driver will place what it makes available next, as next_off (15 bits) and next_wrap (bit 15) of a
   * notification ("Driver Notifications").
   */
  readonly driverPosition: number;
  /** How far the device has come. */
  readonly position: RingPosition;
  /** The next available chain, if there is one. */
  take(): Chain | undefined;
  /** Asks to be notified of the next buffer; returns whether one became available meanwhile. */
  rearm(): boolean;
  /**
   * Returns a chain of whose writable part the first `written` bytes were stored, and by the same element `skipped`,
   * which became available just before it and were used in full (VIRTIO_F_IN_ORDER). Returns whether the driver is to
   * be notified by the suppression rules.
   */
  give(chain: Chain, written: number, skipped?: readonly Chain[]): boolean;
}

/** The address of a part of a queue; throws `DriverError` unless it is aligned. */
export function aligned(name: string, address: bigint, alignment: number): bigint {
  if (address % BigInt(alignment) !== 0n)
    throw new DriverError(`${name} at 0x${address.toString(16)} is not aligned to ${alignment}`, 'alignment');
  return address;
}

export function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A buffer on its way back: what is to go into the ring for it, and what is known of it. */
export interface Returned {
  readonly elements: readonly UsedElement[];
  readonly context: UsedContext;
}

/** Begins the return of a chain, with those skipped by the same element. `areas`: the parts of the ring that are the driver's. */
export function beginReturn(
  behaviours: Behaviours,
  { index, size }: RingSetup,
  areas: { readonly descriptors: Uint8Array; readonly driver: DataView },
  chain: Chain,
  written: number,
  skipped: readonly Chain[],
): Returned {
  const context: UsedContext = {
    queue: index,
    queueSize: size,
    readable: chain.readableLength,
    writable: chain.writableLength,
    skipped: skipped.length,
  };
  const { descriptors, driver } = areas;
  behaviours.returning({
    queue: index,
    descriptors,
    driver: new Uint8Array(driver.buffer, driver.byteOffset, driver.byteLength),
    tables: chain.tables,
    ...chain.pieces,
  });
  return { elements: behaviours.usedElements([{ id: chain.id, len: written }], context), context };
}
