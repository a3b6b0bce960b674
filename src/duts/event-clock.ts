/** Time for a device of another process that signals events. */
import type { Clock } from '../port/lifecycle.js';

/** As long as memory is looked at before the thread first sleeps: an answer from another core is there by then. */
const CLOSE_MS = 0.15;
const SLEEP_MS = 1;

/**
 * Wall-clock time; waiting looks closely first, then sleeps. `sleep` returns at an event or after so many milliseconds.
 */
export function eventClock(sleep: (limitMs: number) => void): Clock {
  /** When the wait that is under way ceases to look closely: by time, since rounds are of very different lengths. */
  let closeUntil = 0;
  return {
    now: () => performance.now(),
    relax(round) {
      const now = performance.now();
      if (round === 0) closeUntil = now + CLOSE_MS;
      if (now >= closeUntil) sleep(SLEEP_MS);
    },
  };
}
