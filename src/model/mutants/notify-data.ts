/** What an available buffer notification says, misunderstood. */
import type { Behaviours } from '../behaviours.js';
import { Virtqueue } from '../virtio/queue.js';
import type { Mutant } from './mutant.js';

type Notification = Behaviours['notification'];

/** queue_notif_config_data of the second request queue. */
const NAME_OF_QUEUE_3 = new Virtqueue(3, 1).notifyData;
/** More notifications than the driver sends before a case begins. */
const EARLY = 12;

/** Misunderstands the position once a device has seen some notifications. */
function later(change: (position: number) => number): Notification {
  let seen = 0;
  return (value) =>
    value.position !== undefined && ++seen > EARLY ? { ...value, position: change(value.position) } : value;
}

/** What is understood in place of what was said. `position` is undefined without NOTIFICATION_DATA. */
const MISREAD: readonly (readonly [
  id: string,
  sentence: string,
  requirement: string,
  make: () => Notification,
])[] = [
  [
    'notify.last-queue-misread',
    'A notification of queue 3 is taken for one of queue 2.',
    'virtio.notify.kick-identifies-queue',
    () => (value) => (value.id === 3 ? { ...value, id: 2 } : value),
  ],
  [
    'notify.config-data-misread',
    'What the device calls queue 3 is understood as the name of another one.',
    'virtio.features.bit-notif-config-data',
    () => (value) => (value.id === NAME_OF_QUEUE_3 ? { ...value, id: value.id + 1 } : value),
  ],
  [
    'notify.wrap-misread',
    'After some notifications their wrap counter is taken for 0.',
    'virtio.notify.data-packed',
    () => later((position) => position & 0x7fff),
  ],
  [
    'notify.offset-misread',
    'After some notifications three bits of their position are understood.',
    'virtio.notify.data-split',
    () => later((position) => position & 0x8003),
  ],
  [
    'notify.repeat-misread',
    'A position that comes a third time in a row is taken for the next one.',
    'virtio.notify.data-repeat',
    () => {
      let last: number | undefined;
      let row = 0;
      return (value) => {
        row = value.position === last ? row + 1 : 0;
        last = value.position;
        return value.position !== undefined && row === 2 ? { ...value, position: value.position + 1 } : value;
      };
    },
  ],
];

export const NOTIFY_DATA_MUTANTS: readonly Mutant[] = [
  ...MISREAD.map(
    ([id, sentence, requirement, make]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'generic',
      apply: (behaviours) => {
        behaviours.notification = make();
        behaviours.resets = (part) => {
          // A device that was reset begins anew.
          if (part === 'status') behaviours.notification = make();
          return true;
        };
      },
    }),
  ),
  {
    id: 'notify.repeat-fatal',
    sentence:
      'A queue that is kicked three times in a row without a command in between is not looked at any more.',
    requirement: 'virtio.packed.drv.repeat-notify',
    source: 'generic',
    apply: (behaviours) => {
      let row = 0;
      const { perform } = behaviours;
      behaviours.resets = () => {
        row = 0;
        return true;
      };
      behaviours.notification = (value) => {
        if (value.id >= 2) row++;
        return value;
      };
      behaviours.kickedRing = (ring) => (row > 6 ? undefined : ring);
      behaviours.perform = (call, run) => {
        if (row <= 4) row = 0;
        return perform(call, run);
      };
    },
  },
  {
    id: 'notify.wrong-position-outlives-reset',
    sentence: 'A device that met a wrong position in a notification ignores the first reset.',
    requirement: 'virtio.reset.status-zero',
    source: 'generic',
    apply: (behaviours) => {
      let met = false;
      let ignoring = false;
      behaviours.faulted = (fault) => {
        met ||= fault === 'request';
      };
      behaviours.resets = (part) => {
        if (part === 'tasks') ignoring = met;
        if (part === 'status') met = false;
        return !ignoring;
      };
    },
  },
];
