/** Reset of single queues gone wrong: what it leaves behind, and what the registers say of it. */
import { DeviceStatus } from '../../wire/virtio.js';
import type { Behaviours, QueuePart } from '../behaviours.js';
import type { Mutant } from './mutant.js';

type Register = 'queue_reset' | 'queue_enable';

const MMIO_NAMES: Readonly<Record<string, Register>> = {
  QueueReset: 'queue_reset',
  QueueReady: 'queue_enable',
};

/** What has happened since the last device reset. */
interface History {
  readonly live: boolean;
  readonly queueReset: boolean;
}

/** Keeps account of the history, for registers that read wrongly at some times only. */
function watch(behaviours: Behaviours): () => History {
  let live = false;
  let queueReset = false;
  const { queueResets, statusWritten, resets } = behaviours;
  behaviours.queueResets = (part, queue) => {
    queueReset = true;
    return queueResets(part, queue);
  };
  behaviours.statusWritten = (next, written, previous) => {
    live = (next & DeviceStatus.DRIVER_OK) !== 0;
    return statusWritten(next, written, previous);
  };
  behaviours.resets = (part) => {
    live = false;
    queueReset = false;
    return resets(part);
  };
  return () => ({ live, queueReset });
}

/** A register that reads wrongly, on PCI as on MMIO. */
function reads(
  id: string,
  sentence: string,
  requirement: string,
  register: Register,
  change: (value: number, history: History) => number,
): Mutant {
  return {
    id: `queue-reset.${id}`,
    sentence,
    requirement,
    source: 'layout',
    apply: (behaviours) => {
      const history = watch(behaviours);
      const { commonField, mmioRegister } = behaviours;
      behaviours.commonField = (name, value) =>
        name === register && typeof value === 'number' ? change(value, history()) : commonField(name, value);
      behaviours.mmioRegister = (name, value) =>
        MMIO_NAMES[name] === register ? change(value, history()) : mmioRegister(name, value);
    },
  };
}

const KEPT: readonly (readonly [QueuePart, string, string])[] = [
  [
    'ring',
    'The ring of a queue, with its positions, outlives the reset of the queue.',
    'virtio.vqreset.state-default',
  ],
  ['size', 'The size of a queue outlives its reset.', 'virtio.vqreset.state-default'],
  ['enable', 'A queue stays enabled when it is reset.', 'virtio.pci.queue-reset-done-zero'],
];

export const QUEUE_RESET_MUTANTS: readonly Mutant[] = [
  ...KEPT.map(
    ([part, sentence, requirement]): Mutant => ({
      id: `queue-reset.keeps-${part}`,
      sentence,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.queueResets = (each) => each !== part;
      },
    }),
  ),
  {
    id: 'queue-reset.ignored',
    sentence: 'A queue reset does nothing.',
    requirement: 'virtio.features.bit-ring-reset',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.queueResets = () => false;
    },
  },
  {
    id: 'queue-reset.leaves-io',
    sentence: 'Commands of a queue go on when it is reset, and are completed into the old ring.',
    requirement: 'virtio.vqreset.no-execute',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.queueResets = (part) => part !== 'requests';
      behaviours.mayComplete = () => true;
    },
  },
  {
    id: 'queue-reset.leaves-notifications',
    sentence:
      'Commands of a queue leave no trace in memory when it was reset, and are notified all the same.',
    requirement: 'virtio.vqreset.no-notify',
    source: 'layout',
    apply: (behaviours) => {
      const history = watch(behaviours);
      const { queueResets } = behaviours;
      behaviours.queueResets = (part, queue) =>
        queueResets(part, queue) && part !== 'requests' && part !== 'vector';
      behaviours.mayComplete = () => true;
      behaviours.answer = (answer) =>
        history().queueReset ? { ...answer, unwritten: [[0, Number.POSITIVE_INFINITY]] } : answer;
      behaviours.usedElements = (elements) => (history().queueReset ? [] : elements);
      behaviours.usedNotification = (due) => due || history().queueReset;
    },
  },
  {
    id: 'queue-reset.stops-all',
    sentence: 'The reset of one queue stops all the others as well.',
    requirement: 'virtio.pci.queue-reset-on-one',
    source: 'layout',
    apply: (behaviours) => {
      let reset: number | undefined;
      behaviours.queueResets = (_part, queue) => {
        reset = queue;
        return true;
      };
      behaviours.resets = () => {
        reset = undefined;
        return true;
      };
      behaviours.kickedRing = (ring, queue) => (reset === undefined || reset === queue ? ring : undefined);
    },
  },
  reads(
    'one-before-use',
    'queue_reset reads 1 until the device is live.',
    'virtio.pci.queue-reset-zero-on-reset',
    'queue_reset',
    (value, { live }) => (live ? value : 1),
  ),
  reads(
    'one-after-enable',
    'queue_reset reads 1 from the time when the queue is in use until it is reset.',
    'virtio.pci.queue-reset-zero-after-enable',
    'queue_reset',
    (value, { live, queueReset }) => (live && !queueReset ? 1 : value),
  ),
  reads(
    'never-over',
    'queue_reset reads 1 for ever once a queue was reset.',
    'virtio.pci.queue-reset-done-zero',
    'queue_reset',
    (value, { queueReset }) => (queueReset ? 1 : value),
  ),
  reads(
    'garbage',
    'queue_reset reads 2 once a queue was reset.',
    'virtio.mmio.queue-reset-register',
    'queue_reset',
    (value, { queueReset }) => (queueReset ? 2 : value),
  ),
  reads(
    'never-enabled-again',
    'queue_enable reads 0 for ever once a queue was reset.',
    'virtio.pci.drv.queue-reenable',
    'queue_enable',
    (value, { queueReset }) => (queueReset ? 0 : value),
  ),
  {
    id: 'queue-reset.vector-fixed',
    sentence: 'A queue that was reset keeps its vector, whatever it is given.',
    requirement: 'virtio.pci.drv.queue-reset-new-values',
    source: 'layout',
    apply: (behaviours) => {
      const history = watch(behaviours);
      const { queueResets, commonWrite } = behaviours;
      behaviours.queueResets = (part, queue) => queueResets(part, queue) && part !== 'vector';
      behaviours.commonWrite = (name, value) =>
        name === 'queue_msix_vector' && history().queueReset ? undefined : commonWrite(name, value);
    },
  },
  {
    id: 'queue-reset.size-rounded',
    sentence: 'A packed queue that was reset is taken to have a size that is a power of two.',
    requirement: 'virtio.vqreset.reenable-new-config',
    source: 'layout',
    apply: (behaviours) => {
      const history = watch(behaviours);
      behaviours.ringSetup = (setup) =>
        history().queueReset ? { ...setup, size: 2 ** Math.floor(Math.log2(setup.size)) } : setup;
    },
  },
];
