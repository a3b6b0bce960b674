/**
 * Devices that a driver which breaks the rules leaves unusable: they serve no queue until they have been reset twice.
 * One reset has to be enough.
 */

import { SPLIT_QUEUE_LIMIT } from '../../wire/split-ring.js';
import { QueueIndex, requestHeaderSize } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';
import type { Fault } from '../errors.js';
import type { RingSetup } from '../virtio/ring.js';
import type { Mutant } from './mutant.js';
import { NARROW_ACCESSES } from './narrow-access.js';

const FAULTS = [
  'request',
  'address',
  'alignment',
  'index',
  'range',
  'loop',
  'count',
  'bytes',
  'order',
  'indirect-unnegotiated',
  'indirect-nested',
  'indirect-linked',
  'indirect-length',
] as const satisfies readonly Fault[];

/** Lets the device get stuck; returns what makes it so. */
function stuckOnce(behaviours: Behaviours): () => void {
  let resets = 0;
  behaviours.resets = (part) => {
    if (part === 'status' && resets > 0) resets--;
    return true;
  };
  behaviours.live = (live) => live && resets === 0;
  return () => {
    resets = 2;
  };
}

/** Does something whenever the device is reset, besides what it does then already. */
function atReset(behaviours: Behaviours, act: () => void): void {
  const before = behaviours.resets;
  behaviours.resets = (part) => {
    if (part === 'status') act();
    return before(part);
  };
}

const hostile = (
  id: string,
  sentence: string,
  source: Mutant['source'],
  watch: (behaviours: Behaviours, stuck: () => void) => void,
): Mutant => ({
  id: `hostile.${id}`,
  sentence,
  requirement: 'virtio.status.needs-reset-set',
  source,
  apply: (behaviours) => watch(behaviours, stuckOnce(behaviours)),
});

const stuckBySize = (id: string, sentence: string, wrong: (size: number) => boolean): Mutant =>
  hostile(id, sentence, 'museum QEX-12-queue-size-above-maximum', (behaviours, stuck) => {
    behaviours.commonWrite = (name, value) => {
      if (name === 'queue_size' && wrong(Number(value))) stuck();
      return value;
    };
  });

/** Where the three parts of a queue are. */
const partsOf = ({ descriptors, driver, device }: RingSetup): readonly bigint[] => [
  descriptors,
  driver,
  device,
];

export const HOSTILE_MUTANTS: readonly Mutant[] = [
  ...FAULTS.map((kind) =>
    hostile(
      `stuck-by-${kind}`,
      `After a mistake of the driver (${kind}) one reset is not enough.`,
      'layout',
      (behaviours, stuck) => {
        behaviours.faulted = (fault) => {
          if (fault === kind) stuck();
        };
      },
    ),
  ),
  hostile(
    'stuck-by-short-header',
    'After a request that ends within its header one reset is not enough.',
    'layout',
    (behaviours, stuck) => {
      behaviours.requestLayout = (layout, readable) => {
        if (readable < requestHeaderSize(layout.cdbSize, layout.piHeader)) stuck();
        return layout;
      };
    },
  ),
  hostile(
    'stuck-by-zero-length',
    'After a descriptor of length 0 one reset is not enough.',
    'museum QVC-04-zero-length-descriptor-loop',
    (behaviours, stuck) => {
      behaviours.descriptor = (descriptor) => {
        if (descriptor.len === 0) stuck();
        return descriptor;
      };
    },
  ),
  hostile(
    'stuck-by-kick',
    'After a kick of a queue that is not enabled one reset is not enough.',
    'museum QVC-11-notify-nonexistent-queue',
    (behaviours, stuck) => {
      const served = new Set<number>();
      atReset(behaviours, () => served.clear());
      behaviours.kickedRing = (ring, queue) => {
        if (ring !== undefined) served.add(queue);
        // A queue that was never served while the event queue was: the driver has not enabled it.
        else if (served.has(QueueIndex.EVENT) && !served.has(queue)) stuck();
        return ring;
      };
    },
  ),
  stuckBySize(
    'stuck-by-size',
    'After a queue size that no queue can have one reset is not enough.',
    (size) => size === 0 || (size & (size - 1)) !== 0,
  ),
  ...NARROW_ACCESSES.map((narrow) =>
    hostile(
      `stuck-by-reading-${narrow.width}`,
      `After an access to ${narrow.words} one reset is not enough.`,
      'layout',
      (behaviours, stuck) => {
        behaviours.configAccess = (value, access) => {
          if (narrow.includes(access)) stuck();
          return value;
        };
      },
    ),
  ),
  stuckBySize(
    'stuck-by-largest-size',
    'After a queue size of 32768, which only larger queues can have, one reset is not enough.',
    (size) => size === SPLIT_QUEUE_LIMIT,
  ),
  hostile(
    'stuck-by-overlap',
    'After two parts of a queue at one place one reset is not enough.',
    'layout',
    (behaviours, stuck) => {
      behaviours.ringSetup = (setup) => {
        const parts = partsOf(setup);
        if (new Set(parts).size < parts.length) stuck();
        return setup;
      };
    },
  ),
  hostile(
    'stuck-by-buffer-in-ring',
    'After a buffer upon a part of the queue one reset is not enough.',
    'layout',
    (behaviours, stuck) => {
      const places = new Set<bigint>();
      atReset(behaviours, () => places.clear());
      behaviours.ringSetup = (setup) => {
        for (const place of partsOf(setup)) places.add(place);
        return setup;
      };
      behaviours.descriptor = (descriptor) => {
        if (places.has(descriptor.addr)) stuck();
        return descriptor;
      };
    },
  ),
];
