/** The units that the suite attaches to a virtio-scsi controller of QEMU, where nobody says which it shall have. */
import type { UnitProfile } from '../dut.js';
import type { QemuUnit } from './units.js';

const MIB = 1024 * 1024;
/** The units; sizes in bytes. */
export const OWN_UNITS = [
  { target: 0, unit: 0, kind: 'disk', serial: 'VSCSI-SCRATCH-0', scratch: true, size: 64 * MIB },
  { target: 0, unit: 1, kind: 'disk', serial: 'VSCSI-DISK-1', scratch: false, size: 64 * MIB },
  { target: 1, unit: 0, kind: 'cdrom', serial: 'VSCSI-CDROM-0', scratch: false, size: 2 * MIB },
  {
    target: 2,
    unit: 0,
    kind: 'disk',
    serial: 'VSCSI-SCRATCH-RO',
    scratch: true,
    readOnly: true,
    size: 2 * MIB,
  },
  {
    target: 2,
    unit: 1,
    kind: 'disk',
    serial: 'VSCSI-SCRATCH-RM',
    scratch: true,
    removable: true,
    size: 2 * MIB,
  },
] as const;
/** Bytes of a block. */
export const BLOCK_SIZES = { disk: 512, cdrom: 2048 } as const;
/** A unit number that they leave free. */
export const FREE_UNIT = 5;
/** virtio-scsi-pci answers for targets 0 to 255. */
export const FREE_TARGET = 255;

type OwnUnit = (typeof OWN_UNITS)[number];

/** A unit as the suite knows it. */
export function profiled({ target, unit, kind, serial, scratch }: OwnUnit): UnitProfile {
  return { target, unit, kind, ...(scratch && { scratchSerial: serial }) };
}

/** A unit as QEMU is told of it, on a file of its own; `file` makes one of so many bytes, as a descriptor of QEMU. */
export function onFile({ size, scratch: _, ...unit }: OwnUnit, file: (size: number) => number): QemuUnit {
  return {
    ...unit,
    blockSize: BLOCK_SIZES[unit.kind],
    medium: {
      node: `disk-${unit.target}-${unit.unit}`,
      fd: file(size),
      readOnly: unit.kind === 'cdrom' || 'readOnly' in unit,
    },
  };
}
