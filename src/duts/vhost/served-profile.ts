/** What is declared about a back-end that nobody has described: it is taken for `vscsi serve` without a profile. */
import type { DutProfile, UnitProfile } from '../dut.js';

const UNITS: readonly UnitProfile[] = [
  { target: 0, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-0' },
  { target: 0, unit: 1, kind: 'disk' },
  { target: 1, unit: 0, kind: 'cdrom' },
  { target: 2, unit: 0, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI' },
  { target: 2, unit: 1, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-READ-ONLY' },
  { target: 2, unit: 2, kind: 'disk', scratchSerial: 'VSCSI-SCRATCH-PI-2' },
];
const FREE_TARGET = 3;
const FREE_UNIT = { target: 0, unit: 2 };
const SETTLE_MS = 2;

/** What a profile file may say of it. */
export interface BackendUnits {
  /** Left out: those of `vscsi serve`. */
  readonly units?: readonly UnitProfile[];
  readonly freeTarget?: number;
  readonly freeUnit?: { readonly target: number; readonly unit: number };
}

/** The declared facts of a back-end. */
export function backendProfile({ units, freeTarget, freeUnit }: BackendUnits): DutProfile {
  const target = freeTarget ?? (units === undefined ? FREE_TARGET : undefined);
  const unit = freeUnit ?? (units === undefined ? FREE_UNIT : undefined);
  return {
    units: units ?? UNITS,
    ...(target !== undefined && { freeTarget: target }),
    ...(unit && { freeUnit: unit }),
    // The back-end reaches what it was given, and nothing else of this process.
    dmaContained: true,
    settleMs: SETTLE_MS,
  };
}
