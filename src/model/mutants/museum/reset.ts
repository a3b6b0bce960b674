/** What resets once left behind. */
import type { Mutant } from '../mutant.js';
import { RESET_MUTANTS } from '../reset.js';
import { TASK_MANAGEMENT_MUTANTS } from '../task-management.js';
import { alike, exhibit, isRequestQueue } from './exhibit.js';

export const RESET_EXHIBITS: readonly Mutant[] = [
  alike(
    'QVS-04-reset-leaves-io',
    'virtio.reset.no-queue-access-after',
    'Commands that were in flight at a reset go on, and are completed into the old ring.',
    RESET_MUTANTS,
    'reset.leaves-io',
  ),
  alike(
    'QSD-48-no-ua-after-reset',
    'scsi.tmf.lun-reset-unit-attention',
    'LOGICAL UNIT RESET leaves no unit attention.',
    TASK_MANAGEMENT_MUTANTS,
    'tmf.lun-reset.silent',
  ),
  exhibit(
    'QVC-07-inuse-survives-reset',
    'virtio.reset.no-queue-access-after',
    'Commands that a reset ended count as in use for ever, and a queue with as many as it is long is served no more.',
    () => {
      let inUse = 0;
      let size = Number.POSITIVE_INFINITY;
      return {
        ringSetup: (setup) => {
          if (isRequestQueue(setup.index)) size = setup.size;
          return setup;
        },
        overrun: (short) => {
          inUse++;
          return short;
        },
        usedElements: (elements, { queue, skipped }) => {
          if (isRequestQueue(queue)) inUse = Math.max(0, inUse - elements.length - skipped);
          return elements;
        },
        kickedRing: (ring, queue) => (isRequestQueue(queue) && inUse >= size ? undefined : ring),
      };
    },
  ),
];
