/** How far a device is initialised, and what can be chosen on the way ("Device Initialization"). */

import type { InterruptKind } from '../transport/transport.js';
import type { RingAreas } from './ring.js';

/** Stages of initialisation, in order; each includes those before. */
export const SETUP_STAGES = ['reset', 'acknowledge', 'driver', 'features', 'queues', 'live'] as const;
export type SetupStage = (typeof SETUP_STAGES)[number];

/** Whether a device at `stage` has passed `wanted`. */
export function reached(stage: SetupStage, wanted: SetupStage): boolean {
  return SETUP_STAGES.indexOf(stage) >= SETUP_STAGES.indexOf(wanted);
}

/** Choices for one queue. */
export interface QueueChoice {
  /** Entries; the harness's own size if left out. */
  readonly size?: number;
  /** `same`: at the addresses that the queue had before; `tight`: each part at its least alignment. */
  readonly memory?: 'fresh' | 'same' | 'tight' | 'high';
  /** Alignment of the used ring, in bytes, where the interface has a choice: legacy MMIO. */
  readonly align?: number;
  /** Addresses that the device is told instead of those of the memory. */
  readonly areas?: Readonly<Partial<Record<keyof RingAreas, AreaChoice>>>;
}

/** An address, or the area whose address is meant (its own if left out), and bytes beyond that. */
export interface AreaChoice {
  readonly at?: keyof RingAreas | bigint;
  readonly plus?: bigint;
}

/** Choices for a set-up; everything left out is as usual. */
export interface SetupChoices {
  /** How far to go; `live` if left out. */
  readonly until?: Exclude<SetupStage, 'reset'>;
  /** The features to write, given those that the device offers. */
  readonly features?: (offered: bigint) => bigint;
  /** By queue index. On a live device just these queues are programmed. */
  readonly queues?: ReadonlyMap<number, QueueChoice>;
  /** Just these queues are enabled. */
  readonly only?: readonly number[];
  /** Event buffers to keep with the device. */
  readonly eventBuffers?: number;
  /** Bytes of a page, the unit of a queue's address, where the interface has a choice: legacy MMIO. */
  readonly pageSize?: number;
  /** Messages where the device has them, if left out. */
  readonly interrupts?: InterruptKind;
  /** Vectors by queue index, or of configuration changes; `none` for no vector. */
  readonly vectors?: ReadonlyMap<number | 'config', number | 'none'>;
}
