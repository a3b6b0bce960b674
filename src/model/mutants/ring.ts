/** Rings that are used wrongly: elements, notifications, descriptors. */
import { DeviceStatus } from '../../wire/virtio.js';
import { QueueIndex } from '../../wire/virtio-scsi.js';
import type { UsedContext, UsedElement } from '../behaviours.js';
import type { Mutant } from './mutant.js';

/** What is wrong with a used element: id, sentence, requirement, source, and the elements stored instead. */
const ELEMENTS: readonly (readonly [
  id: string,
  sentence: string,
  requirement: string,
  source: Mutant['source'],
  change: (element: UsedElement, context: UsedContext) => readonly UsedElement[],
])[] = [
  [
    'used.len.zero',
    'The used length is always 0.',
    'virtio.split.used-len-total',
    'layout',
    ({ id }) => [{ id, len: 0 }],
  ],
  [
    'used.len.plus-one',
    'The used length is one too large.',
    'virtio.split.used-len-bytes-written',
    'layout',
    ({ id, len }) => [{ id, len: len + 1 }],
  ],
  [
    'used.len.counts-data-out',
    'The used length counts device-readable bytes too.',
    'virtio.split.used-len-total',
    'museum QEX-03-used-len-counts-data-out',
    ({ id, len }, { readable }) => [{ id, len: len + readable }],
  ],
  [
    'used.len.whole-buffer',
    'The used length is the size of the writable part.',
    'virtio.split.used-len-bytes-written',
    'museum QEX-03-used-len-counts-data-out',
    ({ id }, { writable }) => [{ id, len: writable }],
  ],
  [
    'used.id.next',
    'The used id is that of the next descriptor.',
    'virtio.split.used-id-is-head',
    'layout',
    ({ id, len }, { queueSize }) => [{ id: (id + 1) % queueSize, len }],
  ],
  [
    'used.id.upper-half',
    'The upper half of the used id is not zero.',
    'virtio.split.used-id-is-head',
    'layout',
    ({ id, len }) => [{ id: (id | 0x10000) >>> 0, len }],
  ],
  [
    'used.twice',
    'Buffers of the last request queue are returned twice.',
    'virtio.split.used-once',
    'museum QSD-52-double-completion-on-error',
    (element, { queue }) => (queue === QueueIndex.REQUEST + 1 ? [element, element] : [element]),
  ],
  [
    'used.never-on-second-queue',
    'Buffers of the second request queue are never returned.',
    'scsi.req.any-queue',
    'layout',
    (element, { queue }) => (queue === QueueIndex.REQUEST + 1 ? [] : [element]),
  ],
  [
    'used.never-on-eventq',
    'Event buffers are filled and never returned.',
    'scsi.event.layout',
    'museum QVS-09-event-buffer-lost',
    (element, { queue }) => (queue === QueueIndex.EVENT ? [] : [element]),
  ],
];

const ELEMENT_MUTANTS = ELEMENTS.map(
  ([id, sentence, requirement, source, change]): Mutant => ({
    id,
    sentence,
    requirement,
    source,
    apply: (behaviours) => {
      behaviours.usedElements = (elements, context) =>
        elements.flatMap((element) => change(element, context));
    },
  }),
);

export const RING_MUTANTS: readonly Mutant[] = [
  ...ELEMENT_MUTANTS,
  {
    id: 'notify.used-missing',
    sentence: 'No interrupt follows a used buffer of the request queues.',
    requirement: 'virtio.notify.flags0-notify',
    source: 'museum SPV-06-lost-interrupt-at-start',
    apply: (behaviours) => {
      behaviours.usedNotification = (due, queue) => due && queue < QueueIndex.REQUEST;
    },
  },
  {
    id: 'notify.suppression-ignored',
    sentence: 'An interrupt follows every used buffer, wanted or not.',
    requirement: 'virtio.notify.flags1-suppress',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.usedNotification = () => true;
    },
  },
  {
    id: 'notify.config-missing',
    sentence: 'No configuration change is ever notified.',
    requirement: 'virtio.status.needs-reset-notify',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.configNotification = () => false;
    },
  },
  {
    id: 'event-idx.ignored',
    sentence: 'EVENT_IDX is negotiated, and interrupts follow the flags all the same.',
    requirement: 'virtio.eventidx.ignore-flags',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.ringFeatures = (features) => ({ ...features, eventIdx: false });
    },
  },
  {
    id: 'event-idx.unasked',
    sentence: 'Interrupts follow used_event although EVENT_IDX was not negotiated.',
    requirement: 'virtio.notify.ignore-used-event-no-eventidx',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.ringFeatures = (features) => ({ ...features, eventIdx: true });
    },
  },
  {
    id: 'indirect.ignored',
    sentence: 'An indirect table is taken for a buffer.',
    requirement: 'virtio.indirect.table-format',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.chainRules = (rules) => ({ ...rules, indirect: false });
    },
  },
  {
    id: 'indirect.next-ignored',
    sentence: 'Entries of an indirect table are followed as they lie, whatever `next` says.',
    requirement: 'virtio.indirect.table-format',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.chainRules = (rules) => ({ ...rules, followNext: false });
    },
  },
  {
    id: 'status.works-before-driver-ok',
    sentence: 'Queues are served from FEATURES_OK on.',
    requirement: 'virtio.status.no-consume-before-driver-ok',
    source: 'museum QEX-09-work-before-driver-ok',
    apply: (behaviours) => {
      behaviours.live = (live, status) => live || (status & DeviceStatus.FEATURES_OK) !== 0;
    },
  },
];
