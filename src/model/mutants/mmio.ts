/** Virtio over MMIO gone wrong: registers that read or take wrong values, and accesses that kill the device. */

import { SPLIT_QUEUE_LIMIT } from '../../wire/split-ring.js';
import {
  MMIO_MAGIC,
  type MmioRegister,
  type MmioRegisterName,
  mmioLegacyRegisters,
  mmioRegisters,
} from '../../wire/virtio-mmio.js';
import type { Behaviours } from '../behaviours.js';
import type { Mutant } from './mutant.js';
import { registerId } from './register-id.js';

type Source = Mutant['source'];

/** Index of the queue. */
const SECOND_REQUEST_QUEUE = 3;
/** The queue that a notification names, with VIRTIO_F_NOTIFICATION_DATA as without it. */
const QUEUE_OF_NOTIFICATION = 0xffff;

const REGISTERS: Readonly<Record<string, MmioRegister>> = { ...mmioRegisters, ...mmioLegacyRegisters };

/** A register that reads as something else. */
function reads(
  id: string,
  register: MmioRegisterName,
  change: (value: number) => number,
  sentence: string,
  requirement: string,
  source: Source = 'layout',
): Mutant {
  return {
    id: `mmio.reads.${id}`,
    sentence,
    requirement,
    source,
    apply: (b) => {
      const { mmioRegister } = b;
      b.mmioRegister = (name, value) => (name === register ? change(value) : mmioRegister(name, value));
    },
  };
}

/** A register of which something else is taken than was written; nothing where `change` gives undefined. */
function takes(
  id: string,
  register: MmioRegisterName,
  change: (value: number) => number | undefined,
  sentence: string,
  requirement: string,
  source: Source = 'layout',
): Mutant {
  return {
    id: `mmio.takes.${id}`,
    sentence,
    requirement,
    source,
    apply: (b) => {
      const { mmioWrite } = b;
      b.mmioWrite = (name, value) => (name === register ? change(value) : mmioWrite(name, value));
    },
  };
}

const nothing = (): undefined => undefined;

/** Registers whose writes are lost. */
const LOST: readonly (readonly [register: MmioRegisterName, requirement: string])[] = [
  ['DeviceFeaturesSel', 'virtio.mmio.device-features-window'],
  ['DriverFeaturesSel', 'virtio.mmio.driver-features-window'],
  ['QueueSel', 'virtio.mmio.queue-sel-scope'],
  ['QueueSize', 'virtio.mmio.queue-size'],
  ['QueueNotify', 'virtio.mmio.offsets'],
  ['InterruptACK', 'virtio.mmio.interrupt-ack'],
  ['QueueReset', 'virtio.mmio.queue-reset-on-one'],
];

const LOST_WRITES: readonly Mutant[] = LOST.map(([register, requirement]) =>
  takes(`${registerId(register)}.nothing`, register, nothing, `Writes to ${register} are lost.`, requirement),
);

/** Halves of addresses that are lost for one queue, which most cases leave alone. */
const LOST_HALVES: readonly Mutant[] = (
  ['QueueDescHigh', 'QueueDriverHigh', 'QueueDeviceHigh'] as const satisfies readonly MmioRegisterName[]
).map((register) => ({
  id: `mmio.takes.${registerId(register)}.not-of-last`,
  sentence: `${register} is lost for the second request queue.`,
  requirement: 'virtio.mmio.queue-addresses',
  source: 'layout',
  apply: (b) => {
    let selected = 0;
    b.mmioWrite = (name, value) => {
      if (name === 'QueueSel') selected = value;
      return name === register && selected === SECOND_REQUEST_QUEUE ? undefined : value;
    };
  },
}));

/** Something that a driver must not do, after which the device never works again, not even when it was reset. */
function dies(
  id: string,
  sentence: string,
  requirement: string,
  watch: (b: Behaviours, die: () => void) => void,
): Mutant {
  return {
    id: `mmio.dies.${id}`,
    sentence,
    requirement,
    source: 'generic',
    apply: (b) => {
      const { live } = b;
      let dead = false;
      b.live = (works, status) => !dead && live(works, status);
      watch(b, () => {
        dead = true;
      });
    },
  };
}

/** Registers that only a driver that breaks a rule writes while their queue is ready. */
const OF_A_READY_QUEUE: ReadonlySet<string> = new Set([
  'QueueSize',
  'QueueDescLow',
  'QueueDescHigh',
  'QueueDriverLow',
  'QueueDriverHigh',
  'QueueDeviceLow',
  'QueueDeviceHigh',
]);

const DEADLY: readonly Mutant[] = [
  dies(
    'no-register',
    'An access to an offset without a register kills the device.',
    'virtio.mmio.drv.described-locations',
    (b, die) => {
      b.mmioAccess = (valid, _width, known) => {
        if (!known) die();
        return valid;
      };
    },
  ),
  dies(
    'width',
    'An access to a control register by less than 32 bits kills the device.',
    'virtio.mmio.drv.access-width',
    (b, die) => {
      b.mmioAccess = (valid, width) => {
        if (width !== 4) die();
        return valid;
      };
    },
  ),
  dies(
    'write-only',
    'Reading a register that is only written kills the device.',
    'virtio.mmio.drv.no-read-write-only',
    (b, die) => {
      b.mmioRegister = (name, value) => {
        if (REGISTERS[name]?.access === 'W') die();
        return value;
      };
    },
  ),
  dies(
    'queue-size',
    'A queue size that cannot be kills the device.',
    'virtio.mmio.drv.queue-size-limit',
    (b, die) => {
      let max: number = SPLIT_QUEUE_LIMIT;
      b.mmioRegister = (name, value) => {
        if (name === 'QueueSizeMax' && value > 0) max = value;
        return value;
      };
      b.mmioWrite = (name, value) => {
        if (name === 'QueueSize' && (value === 0 || value > max)) die();
        return value;
      };
    },
  ),
  dies(
    'ready-queue',
    'Changing a queue that is ready kills the device.',
    'virtio.mmio.drv.no-access-when-ready',
    (b, die) => {
      const ready = new Set<number>();
      let selected = 0;
      b.mmioWrite = (name, value) => {
        if (name === 'QueueSel') selected = value;
        if (name === 'Status' && value === 0) ready.clear();
        if (name === 'QueueReset') ready.delete(selected);
        if (OF_A_READY_QUEUE.has(name) && ready.has(selected)) die();
        if (name === 'QueueReady' && value === 1) ready.add(selected);
        if (name === 'QueueReady' && value === 0) ready.delete(selected);
        return value;
      };
    },
  ),
];

/** Registers that are only read, and hold what a driver wrote all the same. */
const OVERWRITTEN: readonly Mutant[] = (
  [
    'MagicValue',
    'Version',
    'DeviceID',
    'VendorID',
    'DeviceFeatures',
    'QueueSizeMax',
    'InterruptStatus',
    'ConfigGeneration',
  ] as const satisfies readonly MmioRegisterName[]
).map((register) => ({
  id: `mmio.overwritten.${registerId(register)}`,
  sentence: `What is written to ${register} is what it reads from then on.`,
  requirement: 'virtio.mmio.drv.no-write-read-only',
  source: 'layout',
  apply: (b) => {
    let written: number | undefined;
    b.mmioWrite = (name, value) => {
      if (name === register) written = value;
      // A device that stayed so would fail everything that follows.
      if (name === 'Status' && value === 0) written = undefined;
      return value;
    };
    b.mmioRegister = (name, value) => (name === register ? (written ?? value) : value);
  },
}));

/** Virtio-mmio devices that deviate. */
export const MMIO_MUTANTS: readonly Mutant[] = [
  reads(
    'magic-value.swapped',
    'MagicValue',
    () => 0x76697274,
    `MagicValue holds the bytes of ${MMIO_MAGIC.toString(16)}h in the opposite order.`,
    'virtio.mmio.little-endian',
  ),
  reads('version.legacy', 'Version', () => 1, 'Version is that of a legacy device.', 'virtio.mmio.version'),
  reads('device-id.none', 'DeviceID', () => 0, 'DeviceID is that of a placeholder.', 'virtio.mmio.device-id'),
  reads(
    'device-features.admin-queue',
    'DeviceFeatures',
    (value) => value | 0x200,
    'ADMIN_VQ is offered.',
    'virtio.mmio.no-admin-vq',
  ),
  reads(
    'status.half',
    'Status',
    (value) => value & ~1,
    'Status never shows ACKNOWLEDGE.',
    'virtio.mmio.status-register',
  ),
  reads(
    'queue-ready.one',
    'QueueReady',
    () => 1,
    'QueueReady always reads 1.',
    'virtio.mmio.queue-ready-readback',
  ),
  reads(
    'queue-ready.zero',
    'QueueReady',
    () => 0,
    'QueueReady always reads 0.',
    'virtio.mmio.queue-ready-readback',
  ),
  reads(
    'queue-size-max.zero',
    'QueueSizeMax',
    () => 0,
    'No queue is there, by its size.',
    'virtio.mmio.queue-size-max',
  ),
  reads(
    'queue-size-max.never-zero',
    'QueueSizeMax',
    (value) => value || 16,
    'A queue that does not exist has a size.',
    'virtio.mmio.queue-size-max',
  ),
  reads('shm-len-low.zero', 'SHMLenLow', () => 0, 'SHMLenLow reads 0.', 'virtio.mmio.shm-absent'),
  reads('shm-len-high.zero', 'SHMLenHigh', () => 0, 'SHMLenHigh reads 0.', 'virtio.mmio.shm-absent'),
  reads('shm-base-low.zero', 'SHMBaseLow', () => 0, 'SHMBaseLow reads 0.', 'virtio.mmio.shm-absent'),
  reads('shm-base-high.zero', 'SHMBaseHigh', () => 0, 'SHMBaseHigh reads 0.', 'virtio.mmio.shm-absent'),
  reads(
    'queue-reset.one',
    'QueueReset',
    () => 1,
    'QueueReset always reads 1.',
    'virtio.mmio.queue-reset-done-zero',
  ),
  reads(
    'interrupt-status.both',
    'InterruptStatus',
    (value) => (value === 0 ? 0 : 3),
    'A used buffer shows as a configuration change as well.',
    'virtio.mmio.interrupt-status-others-zero',
  ),
  reads(
    'interrupt-status.used-with-change',
    'InterruptStatus',
    (value) => ((value & 2) === 0 ? value : 3),
    'A configuration change shows as a used buffer as well.',
    'virtio.mmio.interrupt-status-others-zero',
    'generic',
  ),
  ...LOST_WRITES,
  ...LOST_HALVES,
  takes(
    'device-features-sel.mirrored',
    'DeviceFeaturesSel',
    (value) => Math.min(value, 1),
    'Every feature window from 2 up shows what is in window 1.',
    'virtio.mmio.device-features-window',
  ),
  takes(
    'queue-size.at-most-128',
    'QueueSize',
    (value) => Math.min(value, 128),
    'A queue never gets more than 128 entries, though QueueSizeMax is larger.',
    'virtio.mmio.queue-size-max',
  ),
  {
    id: 'mmio.reset.keeps-ready',
    sentence: 'QueueReady of the second request queue outlives a reset.',
    requirement: 'virtio.mmio.reset-clears-queue-ready',
    source: 'generic',
    apply: (b) => {
      let selected = 0;
      let reset = false;
      b.mmioWrite = (name, value) => {
        if (name === 'QueueSel') selected = value;
        if (name === 'Status' && value === 0) reset = true;
        if (name === 'QueueReady') reset = false;
        return value;
      };
      b.mmioRegister = (name, value) =>
        name === 'QueueReady' && reset && selected === SECOND_REQUEST_QUEUE ? 1 : value;
    },
  },
  takes(
    'queue-notify.neighbour',
    'QueueNotify',
    (value) => ((value & QUEUE_OF_NOTIFICATION) === SECOND_REQUEST_QUEUE ? value - 1 : value),
    'A notification of the second request queue reaches the first.',
    'virtio.mmio.notify-index',
  ),
  takes(
    'queue-notify.index-alone',
    'QueueNotify',
    (value) => (value > QUEUE_OF_NOTIFICATION ? undefined : value),
    'A notification that says more than the index of a queue is lost.',
    'virtio.mmio.notify-data',
  ),
  takes(
    'queue-notify.no-control',
    'QueueNotify',
    (value) => ((value & QUEUE_OF_NOTIFICATION) === 0 ? undefined : value),
    'Notifications of the control queue are lost.',
    'virtio.mmio.offsets',
  ),
  {
    id: 'mmio.takes.device-features-sel.five-times',
    sentence: 'DeviceFeaturesSel is taken five times, and then not before the next reset.',
    requirement: 'virtio.mmio.device-features-window',
    source: 'generic',
    apply: (b) => {
      let writes = 0;
      b.mmioWrite = (name, value) => {
        if (name === 'Status' && value === 0) writes = 0;
        if (name !== 'DeviceFeaturesSel') return value;
        return ++writes > 5 ? undefined : value;
      };
    },
  },
  {
    id: 'mmio.reads.queue-size-max.once',
    sentence: 'QueueSizeMax reads 0 when it is looked at again.',
    requirement: 'virtio.mmio.queue-size-max',
    source: 'generic',
    apply: (b) => {
      let looks = 0;
      b.mmioWrite = (name, value) => {
        if (name === 'QueueSel') looks = 0;
        return value;
      };
      b.mmioRegister = (name, value) => (name === 'QueueSizeMax' && ++looks > 1 ? 0 : value);
    },
  },
  {
    id: 'mmio.interrupt.once',
    sentence: 'Nothing interrupts any more once an interrupt was acknowledged, until the next reset.',
    requirement: 'virtio.mmio.interrupt-ack',
    source: 'generic',
    apply: (b) => {
      let acknowledged = false;
      b.mmioWrite = (name, value) => {
        if (name === 'InterruptACK') acknowledged = true;
        if (name === 'Status' && value === 0) acknowledged = false;
        return value;
      };
      b.usedNotification = (due) => due && !acknowledged;
    },
  },
  takes(
    'interrupt-ack.all',
    'InterruptACK',
    () => 0xffff_ffff,
    'An acknowledgement of anything acknowledges everything.',
    'virtio.mmio.interrupt-status-until-ack',
  ),
  {
    id: 'mmio.queue-ready.never-stops',
    sentence: 'A queue that was stopped is served on, though QueueReady reads 0.',
    requirement: 'virtio.mmio.no-access-not-ready',
    source: 'generic',
    apply: (b) => {
      let stopped = false;
      b.mmioWrite = (name, value) => {
        if (name === 'QueueReady') stopped = value === 0;
        return name === 'QueueReady' && value === 0 ? undefined : value;
      };
      b.mmioRegister = (name, value) => (name === 'QueueReady' && stopped ? 0 : value);
    },
  },
  {
    id: 'mmio.config-generation.restless',
    sentence: 'ConfigGeneration moves whenever it is looked at.',
    requirement: 'virtio.mmio.config-generation',
    source: 'generic',
    apply: (b) => {
      let reads = 0;
      b.mmioRegister = (name, value) => (name === 'ConfigGeneration' ? value + reads++ : value);
    },
  },
  {
    id: 'mmio.line.stuck',
    sentence: 'The interrupt stays asserted once it was.',
    requirement: 'virtio.mmio.single-interrupt',
    source: 'generic',
    apply: (b) => {
      let once = false;
      b.line = (asserted) => {
        once ||= asserted;
        return once;
      };
    },
  },
  {
    id: 'mmio.line.dead',
    sentence: 'The interrupt is never asserted.',
    requirement: 'virtio.mmio.single-interrupt',
    source: 'generic',
    apply: (b) => {
      b.line = () => false;
    },
  },
  ...DEADLY,
  ...OVERWRITTEN,
];
