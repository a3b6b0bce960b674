/** Accesses to a field of the device configuration that are narrower than the field. */
import { virtioScsiConfig } from '../../wire/virtio-scsi.js';
import type { Behaviours } from '../behaviours.js';

const FIELD = virtioScsiConfig.fields.sense_size;

/** One width of accesses to sense_size, a field that a driver reads and writes. */
export interface NarrowAccess {
  /** In bytes. */
  readonly width: number;
  /** e.g. `sense_size by one byte`. */
  readonly words: string;
  includes(access: Parameters<Behaviours['configAccess']>[1]): boolean;
}

export const NARROW_ACCESSES: readonly NarrowAccess[] = (
  [
    [1, 'one byte'],
    [2, 'two bytes'],
  ] as const
).map(([width, bytes]) => ({
  width,
  words: `${FIELD.name} by ${bytes}`,
  includes: (access) =>
    access.width === width && access.offset >= FIELD.offset && access.offset < FIELD.offset + FIELD.size,
}));
