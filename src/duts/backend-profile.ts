/** What is declared about a back-end. */
import type { DutProfile, UnitProfile } from './dut.js';

const SETTLE_MS = 2;

/** What a profile file may say of it. */
export interface BackendUnits {
  /** Milliseconds after which it is taken to be at rest, if it was given nothing new; default 2. */
  readonly settleMs?: number;
  /** Left out: whatever units are found. */
  readonly units?: readonly UnitProfile[];
  readonly freeTarget?: number;
  readonly freeUnit?: { readonly target: number; readonly unit: number };
}

/** The declared facts of a back-end. */
export function backendProfile({
  units,
  freeTarget,
  freeUnit,
  settleMs = SETTLE_MS,
}: BackendUnits): DutProfile {
  return {
    units: units ?? [],
    ...(units === undefined && { scan: true }),
    ...(freeTarget !== undefined && { freeTarget }),
    ...(freeUnit && { freeUnit }),
    // The back-end reaches what it was given, and nothing else of this process.
    dmaContained: true,
    settleMs,
  };
}
