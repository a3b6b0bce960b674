/** Virtio over MMIO, version 1, gone wrong. */
import type { MmioLegacyRegisterName } from '../../wire/virtio-mmio.js';
import type { Behaviours } from '../behaviours.js';
import type { Mutant } from './mutant.js';
import { registerId } from './register-id.js';

/** Index of the queue that most cases leave alone. */
const SECOND_REQUEST_QUEUE = 3;

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** A register whose writes are lost. */
function lost(register: MmioLegacyRegisterName, requirement: string): Mutant {
  return {
    id: `mmio-legacy.takes.${registerId(register)}.nothing`,
    sentence: `Writes to ${register} are lost.`,
    requirement,
    source: 'layout',
    apply: (b) => {
      b.mmioWrite = (name, value) => (name === register ? undefined : value);
    },
  };
}

/** A register that reads as something else. */
function reads(
  id: string,
  register: MmioLegacyRegisterName,
  change: (value: number) => number,
  sentence: string,
  requirement: string,
): Mutant {
  return {
    id: `mmio-legacy.reads.${id}`,
    sentence,
    requirement,
    source: 'layout',
    apply: (b) => {
      b.mmioRegister = (name, value) => (name === register ? change(value) : value);
    },
  };
}

/** A value that no driver should write, after which the device never works again, not even when it was reset. */
function dies(
  register: MmioLegacyRegisterName,
  isBad: (value: number) => boolean,
  sentence: string,
  requirement: string,
): Mutant {
  return {
    id: `mmio-legacy.dies.${registerId(register)}`,
    sentence,
    requirement,
    source: 'generic',
    apply: (b: Behaviours) => {
      const { live } = b;
      let dead = false;
      b.live = (works, status) => !dead && live(works, status);
      b.mmioWrite = (name, value) => {
        if (name === register && isBad(value)) dead = true;
        return value;
      };
    },
  };
}

/** Virtio-mmio devices of version 1 that deviate. */
export const MMIO_LEGACY_MUTANTS: readonly Mutant[] = [
  reads(
    'version.modern',
    'Version',
    (value) => (value === 1 ? 2 : value),
    'Version is that of a modern device.',
    'virtio.legacy.mmio-version',
  ),
  reads(
    'queue-pfn.zero',
    'QueuePFN',
    () => 0,
    'QueuePFN reads 0 for a queue in use.',
    'virtio.legacy.mmio-queue-pfn',
  ),
  reads(
    'queue-pfn.never-zero',
    'QueuePFN',
    (value) => value || 1,
    'QueuePFN never reads 0.',
    'virtio.legacy.mmio-queue-pfn',
  ),
  reads(
    'queue-pfn.next',
    'QueuePFN',
    (value) => (value === 0 ? 0 : value + 1),
    'QueuePFN reads the number of the next page.',
    'virtio.legacy.mmio-queue-pfn',
  ),
  lost('GuestPageSize', 'virtio.legacy.mmio-guest-page-size'),
  lost('QueueAlign', 'virtio.legacy.mmio-queue-align'),
  {
    id: 'mmio-legacy.reset.keeps-pfn',
    sentence: 'QueuePFN of the second request queue outlives a reset.',
    requirement: 'virtio.legacy.mmio-reset-clears-pfn',
    source: 'generic',
    apply: (b) => {
      let selected = 0;
      let before = 0;
      let reset = false;
      b.mmioWrite = (name, value) => {
        if (name === 'QueueSel') selected = value;
        if (name === 'Status' && value === 0) reset = true;
        if (name === 'QueuePFN' && selected === SECOND_REQUEST_QUEUE) {
          before = value;
          reset = false;
        }
        return value;
      };
      b.mmioRegister = (name, value) =>
        name === 'QueuePFN' && reset && selected === SECOND_REQUEST_QUEUE ? before : value;
    },
  },
  dies(
    'QueueAlign',
    (value) => !isPowerOfTwo(value),
    'An alignment that is no power of two kills the device.',
    'virtio.legacy.mmio-queue-setup',
  ),
  dies(
    'GuestPageSize',
    (value) => !isPowerOfTwo(value),
    'A page size that is no power of two kills the device.',
    'virtio.legacy.mmio-guest-page-size',
  ),
  {
    id: 'mmio-legacy.queue-pfn.stops-all',
    sentence: 'QueuePFN 0 of one queue takes all queues out of use, until a reset.',
    requirement: 'virtio.legacy.mmio-queue-pfn',
    source: 'generic',
    apply: (b) => {
      let stopped = false;
      b.mmioWrite = (name, value) => {
        if (name === 'QueuePFN' && value === 0) stopped = true;
        if (name === 'Status' && value === 0) stopped = false;
        return value;
      };
      b.live = (live) => live && !stopped;
    },
  },
];
