/** How many devices run cases at the same time. */
import { availableParallelism } from 'node:os';
import type { DutAdapter } from '../duts/dut.js';
import type { AllTransportsOptions } from '../run/all-transports.js';

/** Starting a device takes as long as some such number of cases. */
const WORTH_A_START = 50;

/** For the help of commands. */
export const JOBS = 'so many devices at the same time (default: one, or two on two processors for QEMU)';

/** As many as there is any gain from: device and harness keep a processor busy each. */
export function usualJobs(): number {
  return Math.min(2, availableParallelism());
}

/**
 * As the user says; otherwise two where there are two processors, for devices that the suite makes itself: others may
 * have a disk image or a port that is only there once. The model needs none, as it lives with the harness.
 */
export function jobsFor(
  { selfContained = false }: DutAdapter,
  asked: number | undefined,
): Pick<AllTransportsOptions, 'jobs' | 'helpFrom'> {
  if (asked !== undefined) return { jobs: asked };
  return selfContained ? { jobs: usualJobs(), helpFrom: WORTH_A_START } : { jobs: 1 };
}
