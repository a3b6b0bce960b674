/** Split rings that are read or written wrongly, each in a way that shows in few cases only. */
import { DescFlag } from '../../wire/split-ring.js';
import { featureSet } from '../../wire/virtio.js';
import { QueueIndex } from '../../wire/virtio-scsi.js';
import type { Behaviours, DescriptorFields, DescriptorPlace, UsedElement } from '../behaviours.js';
import type { RingSetup } from '../virtio/ring.js';
import type { Mutant } from './mutant.js';

type Row<T> = readonly [id: string, sentence: string, requirement: string, change: T];

/** Mutants of one hook: id, sentence, requirement, and what is put in its place. */
export function mutantsOf<T>(
  rows: readonly Row<T>[],
  put: (behaviours: Behaviours, change: T) => void,
): Mutant[] {
  return rows.map(([id, sentence, requirement, change]) => ({
    id,
    sentence,
    requirement,
    source: 'layout',
    apply: (behaviours) => put(behaviours, change),
  }));
}

/** Makes the reader of descriptors that a mutant has; each device gets one of its own. */
export type DescriptorReader = () => (
  descriptor: DescriptorFields,
  place: DescriptorPlace,
) => Partial<DescriptorFields>;

/** Puts a reader of descriptors into the device. */
export function readDescriptors(behaviours: Behaviours, make: DescriptorReader): void {
  const read = make();
  behaviours.descriptor = (descriptor, place) => ({ ...descriptor, ...read(descriptor, place) });
}

/** Chains longer than this are cut by a mutant. */
const SHORT_CHAIN = 100;

const DESCRIPTORS: readonly Row<DescriptorReader>[] = [
  [
    'split.desc.next-without-flag',
    'A descriptor with `next` continues the chain, with or without NEXT.',
    'virtio.split.next-only-with-flag',
    () =>
      ({ flags, next = 0 }, { nested }) =>
        next !== 0 && !nested ? { flags: flags | DescFlag.NEXT } : {},
  ],
  [
    'split.desc.short-length',
    'Of the length of a descriptor 16 bits count.',
    'virtio.split.desc-layout',
    () =>
      ({ len }, { nested }) =>
        nested ? {} : { len: len & 0xffff },
  ],
  [
    'split.desc.forward-only',
    'A `next` that leads back to a lower descriptor is taken for the end of the chain.',
    'virtio.split.desc-layout',
    () => {
      let at: number | undefined;
      return ({ flags, next = 0 }, { nested }) => {
        if (nested) return {};
        const back = at !== undefined && next < at;
        at = flags & DescFlag.NEXT && !back ? next : undefined;
        return back ? { flags: flags & ~DescFlag.NEXT } : {};
      };
    },
  ],
  [
    'split.chain.cut-short',
    `A chain is read no further than its descriptor ${SHORT_CHAIN}.`,
    'virtio.split.chain-max-queue-size',
    () => {
      let count = 0;
      return ({ flags }, { nested }) => {
        if (nested) return {};
        count = flags & DescFlag.NEXT ? count + 1 : 0;
        if (count < SHORT_CHAIN) return {};
        count = 0;
        return { flags: flags & ~DescFlag.NEXT };
      };
    },
  ],
];

const SET_UPS: readonly Row<(setup: RingSetup) => Partial<RingSetup>>[] = [
  [
    'split.parts.driver-aligned-to-4',
    'The available ring is looked for at a multiple of 4.',
    'virtio.split.part-sizes',
    ({ driver }) => ({ driver: driver & ~3n }),
  ],
  [
    'split.size.half-of-64',
    'A queue of 64 entries is used as one of 32.',
    'virtio.split.queue-size',
    ({ size }) => (size === 64 ? { size: 32 } : {}),
  ],
];

const ELEMENTS: readonly Row<(element: UsedElement) => Partial<UsedElement>>[] = [
  [
    'split.used.length-late',
    'used idx moves before the length of the entry is stored.',
    'virtio.split.used-len-before-idx',
    () => ({ len: 0xffff_ffff }),
  ],
  [
    'split.used.length-of-16-bits',
    'The upper half of the used length is not stored.',
    'virtio.split.used-layout',
    ({ len }) => ({ len: (len | 0xa5a5_0000) >>> 0 }),
  ],
];

/** Features that say how memory is reached, which a driver may have to take. */
const PLATFORM = featureSet('VIRTIO_F_ACCESS_PLATFORM', 'VIRTIO_F_ORDER_PLATFORM');

/** A bit of avail.flags that means nothing. */
const UNUSED_FLAG_BYTE = 0x80;

export const SPLIT_MUTANTS: readonly Mutant[] = [
  ...mutantsOf(DESCRIPTORS, readDescriptors),
  ...mutantsOf(SET_UPS, (behaviours, change) => {
    behaviours.ringSetup = (setup) => ({ ...setup, ...change(setup) });
  }),
  ...mutantsOf(ELEMENTS, (behaviours, change) => {
    behaviours.usedElements = (elements, { queue }) =>
      queue < QueueIndex.REQUEST ? elements : elements.map((each) => ({ ...each, ...change(each) }));
  }),
  {
    id: 'split.unserved-when-bare',
    sentence: 'With VIRTIO_F_VERSION_1 alone no queue is served.',
    requirement: 'virtio.vq.format-split-or-packed',
    source: 'layout',
    apply: (behaviours) => {
      let bare = false;
      behaviours.featuresAccepted = (accepted, features) => {
        bare = (features & ~PLATFORM) === featureSet('VIRTIO_F_VERSION_1');
        return accepted;
      };
      behaviours.kickedRing = (ring) => (bare ? undefined : ring);
    },
  },
  {
    id: 'split.avail.flags-written',
    sentence: 'The device notes something in the flags of the available ring.',
    requirement: 'virtio.split.used-ring-device-only',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.returning = ({ driver }) => {
        driver[1] = UNUSED_FLAG_BYTE;
      };
    },
  },
  {
    id: 'split.data-out.scribbled',
    sentence: 'Data-out that lies in a descriptor of its own is changed.',
    requirement: 'virtio.split.no-write-readable',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.returning = ({ readable: [, data] }) => {
        data?.set([~(data[0] ?? 0) & 0xff]);
      };
    },
  },
  {
    id: 'split.index.of-15-bits',
    sentence: 'The available index wraps at 32768.',
    requirement: 'virtio.split.avail-idx-free-running',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.ringIndex = (index, side) => (side === 'available' ? index & 0x7fff : index);
    },
  },
  {
    id: 'split.index.used-of-15-bits',
    sentence: 'The used index wraps at 32768.',
    requirement: 'virtio.split.used-idx-free-running',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.ringIndex = (index, side) => (side === 'used' ? index & 0x7fff : index);
    },
  },
];
