/** Wall-clock time for a device that runs by itself. */
import type { Clock } from '../port/lifecycle.js';

/** Polls before the first pause: a command that takes no I/O is over by then. */
const CLOSE_ROUNDS = 2000;
const FIRST_PAUSE_MS = 0.05;
const LONGEST_PAUSE_MS = 1;
/** Growth of the pause per round. */
const GROWTH = 1.02;

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread. */
export function pause(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}

/** Time as `performance.now` tells it; waiting polls closely first, then with growing pauses. */
export const realClock: Clock = {
  now: () => performance.now(),
  relax(round) {
    if (round < CLOSE_ROUNDS) return;
    pause(Math.min(FIRST_PAUSE_MS * GROWTH ** (round - CLOSE_ROUNDS), LONGEST_PAUSE_MS));
  },
};
