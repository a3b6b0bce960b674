/** How many devices run cases at the same time. */
import { availableParallelism } from 'node:os';
import type { DutAdapter } from '../duts/dut.js';
import type { AllTransportsOptions } from '../run/all-transports.js';

/** Starting a device takes as long as some such number of cases. */
const WORTH_A_START = 50;

/** More were not measured: on two processors four gain a tenth over three, and machines with many may be shared. */
const MOST = 4;

/** For the help of commands. */
export const JOBS =
  'so many devices at the same time (default: one, or for QEMU one more than there are processors, at most 4)';

/**
 * As many as there is any gain from. A device in another process is waited for half of the time, so there is one more
 * than there are processors; one that lives with the harness keeps a processor busy.
 */
export function usualJobs({ selfContained = false }: DutAdapter): number {
  return selfContained ? Math.min(MOST, availableParallelism() + 1) : Math.min(2, availableParallelism());
}

/**
 * As the user says; otherwise several, for devices that the suite makes itself: others may have a disk image or a port
 * that is only there once. The model needs none, as it lives with the harness.
 */
export function jobsFor(
  adapter: DutAdapter,
  asked: number | undefined,
): Pick<AllTransportsOptions, 'jobs' | 'helpFrom'> {
  if (asked !== undefined) return { jobs: asked };
  return adapter.selfContained ? { jobs: usualJobs(adapter), helpFrom: WORTH_A_START } : { jobs: 1 };
}
