/** The SCSI units of the machine: as arguments of the command line, and as what a running QEMU is told by QMP. */
import type { UnitAddress } from '../../port/controls.js';
import { CONTROLLER_ID } from './controller.js';

/** A unit that the adapter attaches. */
export interface QemuUnit extends UnitAddress {
  readonly kind: 'disk' | 'cdrom';
  readonly serial: string;
  /** Bytes; for the length of a resized disk. */
  readonly blockSize: number;
  /** The medium of a disk can be taken out, as that of a CD-ROM drive always can. */
  readonly removable?: boolean;
  /** Where its blocks lie. */
  readonly medium: QemuMedium;
}

/** What lies behind a unit: a file that QEMU has inherited, or so many bytes of zeros. */
export type QemuMedium = FileMedium | EmptyMedium;

/** A medium of zeros that forgets what is written. */
export interface EmptyMedium {
  readonly node: string;
  /** Bytes. */
  readonly zeros: number;
}

export interface FileMedium {
  /** Name of the node through which a unit reaches it. */
  readonly node: string;
  /** Descriptor of the file, in the QEMU process. */
  readonly fd: number;
  /** The piece, in bytes; left out for all of the file, which can then be resized. */
  readonly piece?: { readonly offset: number; readonly size: number };
  readonly readOnly: boolean;
}

type Options = Readonly<Record<string, string | number | boolean | Readonly<Record<string, unknown>>>>;

/** QEMU's id of the unit at an address. */
export function unitId({ target, unit }: UnitAddress): string {
  return `unit-${target}-${unit}`;
}

/** The device of a unit, for `device_add`. */
export function unitDevice(unit: QemuUnit): Readonly<Record<string, string | number | boolean>> {
  return {
    driver: unit.kind === 'disk' ? 'scsi-hd' : 'scsi-cd',
    id: unitId(unit),
    bus: `${CONTROLLER_ID}.0`,
    'scsi-id': unit.target,
    lun: unit.unit,
    drive: unit.medium.node,
    serial: unit.serial,
    ...(unit.removable && { removable: true }),
    // That of a disk is QEMU's default anyway, and a CD-ROM has no other.
    ...(unit.kind === 'disk' &&
      unit.blockSize !== 512 && {
        logical_block_size: unit.blockSize,
        physical_block_size: unit.blockSize,
      }),
  };
}

/** The node of a medium, for `blockdev-add`. */
export function mediumNode(medium: QemuMedium): Options {
  if ('zeros' in medium)
    return { driver: 'null-co', 'node-name': medium.node, size: medium.zeros, 'read-zeroes': true };
  const { node, fd, piece, readOnly } = medium;
  return {
    driver: 'raw',
    'node-name': node,
    ...piece,
    ...(readOnly ? { 'read-only': true } : { discard: 'unmap' }),
    file: {
      driver: 'file',
      filename: inherited(fd),
      // Pieces of one file have several users.
      locking: 'off',
      ...(readOnly ? { 'read-only': true } : { discard: 'unmap' }),
    },
  };
}

/** The arguments that attach a unit from the start. */
export function unitArguments(unit: QemuUnit): string[] {
  return ['-blockdev', JSON.stringify(mediumNode(unit.medium)), '-device', JSON.stringify(unitDevice(unit))];
}

/** The path by which a process reaches a file that it has inherited. */
export function inherited(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
