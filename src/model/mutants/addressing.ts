/** Requests that reach the wrong unit, and targets and units that are there or not against the truth. */
import type { Behaviours } from '../behaviours.js';
import type { Destination } from '../scsi/topology.js';
import type { Mutant } from './mutant.js';

const NOWHERE: Destination = { target: undefined, unit: undefined, number: undefined };

export const ADDRESSING_MUTANTS: readonly Mutant[] = [
  {
    id: 'lun.phantom-units',
    sentence: 'Any unit number of a target reaches unit 0.',
    requirement: 'scsi.req.lun-target-format',
    source: 'museum CRV-08-phantom-luns',
    apply: (behaviours) => {
      behaviours.destination = ({ target, ...rest }) => ({
        target,
        ...rest,
        unit: target ? target.units.get(0) : rest.unit,
      });
    },
  },
  {
    id: 'lun.target-ignored',
    sentence: 'Every target answers as target 0.',
    requirement: 'scsi.req.response-bad-target',
    source: 'museum LVS-04-an-target-not-checked',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun, resolve) =>
        lun[0] === 1 ? resolve(Uint8Array.of(1, 0, ...lun.subarray(2))) : destination;
    },
  },
  {
    id: 'lun.missing-unit-as-bad-target',
    sentence: 'A missing unit is answered as if its target were missing.',
    requirement: 'scsi.req.response-bad-target',
    source: 'museum SPV-01-missing-lun',
    apply: (behaviours) => {
      behaviours.destination = (destination) => (destination.unit ? destination : NOWHERE);
    },
  },
  {
    id: 'lun.low-byte-only',
    sentence: 'Of a unit number only the low byte counts.',
    requirement: 'scsi.req.lun-capacity',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun, resolve) =>
        lun[0] === 1 && ((lun[2] ?? 0) & 0xc0) === 0x40
          ? resolve(Uint8Array.of(1, lun[1] ?? 0, 0, lun[3] ?? 0, ...lun.subarray(4)))
          : destination;
    },
  },
  {
    id: 'lun.flat-refused',
    sentence: 'Units are found in peripheral form only.',
    requirement: 'scsi.req.lun-single-level-methods',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun) =>
        ((lun[2] ?? 0) & 0xc0) === 0x40 ? { ...destination, unit: undefined } : destination;
    },
  },
  {
    id: 'lun.peripheral-refused',
    sentence: 'Units are found in flat form only.',
    requirement: 'scsi.req.lun-single-level-methods',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun) =>
        lun[0] === 1 && lun[2] === 0 ? { ...destination, unit: undefined } : destination;
    },
  },
  {
    id: 'lun.first-byte-ignored',
    sentence: 'The first byte of lun is not looked at.',
    requirement: 'scsi.req.lun-only-format',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.destination = (destination, lun, resolve) =>
        destination.unit ? destination : resolve(Uint8Array.of(1, ...lun.subarray(1)));
    },
  },
  {
    id: 'lun.no-report-luns-well-known-unit',
    sentence: 'The REPORT LUNS well-known unit does not exist.',
    requirement: 'scsi.req.report-luns-wlun-implemented',
    source: 'museum QEX-11-report-luns-wlun-missing',
    apply: (behaviours: Behaviours) => {
      behaviours.destination = (destination) => (destination.target === undefined ? NOWHERE : destination);
    },
  },
];
