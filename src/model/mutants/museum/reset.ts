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
    'virtio.init.live-after-driver-ok',
    'Commands that a reset ended count as in use after it, and a queue with as many as it is long is not served.',
    () => {
      let inUse = 0;
      /** In use when the device was last reset. */
      let left = 0;
      let resetting = false;
      let size = Number.POSITIVE_INFINITY;
      return {
        ringSetup: (setup) => {
          if (isRequestQueue(setup.index)) size = setup.size;
          return setup;
        },
        // The status is what a reset sets back last.
        resets: (part) => {
          if (!resetting) [left, inUse] = [inUse, 0];
          resetting = part !== 'status';
          return true;
        },
        overrun: (short) => {
          inUse++;
          return short;
        },
        usedElements: (elements, { queue, skipped }) => {
          if (isRequestQueue(queue) && !resetting) inUse = Math.max(0, inUse - elements.length - skipped);
          return elements;
        },
        kickedRing: (ring, queue) => (isRequestQueue(queue) && left + inUse >= size ? undefined : ring),
      };
    },
  ),
];
