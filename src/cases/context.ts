/** What evaluating and matching need to know about the run besides the names in scope. */
import { CaseError } from './errors.js';
import type { ReadonlyScope } from './types.js';

/** Given by the executor. Everything is optional: what is missing is refused when a case asks for it. */
export interface EvalContext {
  /** Whether the device offers the feature of that bit number. */
  readonly offered?: (bit: number) => boolean;
  /** Whether the feature of that bit number was negotiated. */
  readonly negotiated?: (bit: number) => boolean;
  /** Place in the order of return, from 1, of what was sent under a name; of a group its first. Undefined: not yet. */
  readonly position?: (name: string) => bigint | undefined;
  /** Whether what was sent under a name has been returned; for a group: all of it. */
  readonly returned?: (name: string) => boolean;
  /** Size in bytes of a PCI base address register; 0 for one that the function does without. */
  readonly barSize?: (bar: number) => bigint;
  /** Block size where the unit addressed has no `<unit>.block_size` in scope. */
  readonly blockSize?: number;
  /** Order of the `g…` encodings: the legacy interface uses the guest's. Little if left out. */
  readonly guestOrder?: 'little' | 'big';
  /** A fixture by name. */
  readonly readFile?: (name: string) => Uint8Array;
}

/** Block size for a pattern or command that addresses `unit`. */
export function blockSizeOf(unit: string | undefined, scope: ReadonlyScope, context: EvalContext): number {
  const size = unit === undefined ? undefined : scope.get(`${unit}.block_size`);
  if (typeof size === 'bigint' && size > 0n && size <= 1n << 24n) return Number(size);
  if (context.blockSize !== undefined) return context.blockSize;
  throw new CaseError(
    'NOT_AVAILABLE',
    unit === undefined ? 'no unit is addressed here, so blocks have no size' : `${unit} has no block size`,
  );
}
