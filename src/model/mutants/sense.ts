/** Errors that are reported wrongly: one pair for each condition of the table, and faults of the format. */
import { ScsiStatus } from '../../wire/scsi/status.js';
import { Sense, type SenseInfo } from '../units/sense.js';
import type { Mutant } from './mutant.js';
import { shiftedStatus } from './response.js';

/** Conditions that a driver can bring about. */
const CONDITIONS = [
  'INVALID_OPCODE',
  'LBA_OUT_OF_RANGE',
  'INVALID_FIELD_IN_CDB',
  'UNIT_NOT_SUPPORTED',
  'INVALID_FIELD_IN_PARAMETER_LIST',
  'PARAMETER_LIST_LENGTH_ERROR',
  'SAVING_NOT_SUPPORTED',
  'NOT_READY_STOPPED',
  'SOFTWARE_WRITE_PROTECTED',
  'MISCOMPARE',
  'POWER_ON',
  'BUS_DEVICE_RESET',
  'I_T_NEXUS_LOSS',
  'CAPACITY_CHANGED',
  'REPORTED_LUNS_CHANGED',
] as const satisfies readonly (keyof typeof Sense)[];

function is(sense: SenseInfo | undefined, name: keyof typeof Sense): boolean {
  const { asc, ascq } = Sense[name];
  return sense?.asc === asc && sense.ascq === ascq;
}

const CONDITION_MUTANTS: readonly Mutant[] = CONDITIONS.flatMap((name) => {
  const slug = name.toLowerCase().replaceAll('_', '-');
  const words = name.replaceAll('_', ' ');
  return [
    {
      id: `sense.${slug}.other-code`,
      sentence: `${words} is reported with another additional sense code.`,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.result = (result) =>
          result.sense && is(result.sense, name)
            ? { ...result, sense: { ...result.sense, asc: 0x44, ascq: 0 } }
            : result;
      },
    },
    {
      id: `sense.${slug}.swallowed`,
      sentence: `${words} is answered GOOD, without having done anything.`,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.result = (result) =>
          is(result.sense, name) ? { status: ScsiStatus.GOOD, taken: result.taken ?? 0 } : result;
      },
    },
  ] satisfies Mutant[];
});

export const SENSE_MUTANTS: readonly Mutant[] = [
  ...CONDITION_MUTANTS,
  {
    id: 'sense.status-shifted',
    sentence: 'Status is shifted right by one, as in old drivers.',
    requirement: 'scsi.req.status-written',
    source: 'museum QSD-39-status-shifted',
    apply: (behaviours) => {
      behaviours.answer = shiftedStatus;
    },
  },
  {
    id: 'sense.valid-without-information',
    sentence: 'VALID is set in all fixed format sense data.',
    source: 'museum QSD-40-valid-bit-without-information',
    apply: (behaviours) => {
      behaviours.answer = (answer) => {
        const sense = answer.sense.slice();
        if (sense.length > 0) sense[0] = (sense[0] ?? 0) | 0x80;
        return { ...answer, sense };
      };
    },
  },
  {
    id: 'sense.fixed-format-always',
    sentence: 'D_SENSE is taken and has no effect.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.result = (result) => ({ ...result, descriptorSense: false });
    },
  },
  {
    id: 'sense.deferred',
    sentence: 'Sense data call every error a deferred one.',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.answer = (answer) => {
        const sense = answer.sense.slice();
        if (sense.length > 0) sense[0] = (sense[0] ?? 0) | 0x01;
        return { ...answer, sense };
      };
    },
  },
  {
    id: 'attention.swallowed',
    sentence: 'Unit attentions are dropped instead of reported.',
    requirement: 'scsi.tmf.lun-reset-unit-attention',
    source: 'museum QSD-48-no-ua-after-reset',
    apply: (behaviours) => {
      behaviours.perform = (_call, run) => {
        let result = run();
        while (result.sense?.key === 6) result = run();
        return result;
      };
    },
  },
  {
    id: 'attention.never-cleared',
    sentence: 'A unit attention is reported again and again.',
    source: 'layout',
    acts: true,
    apply: (behaviours) => {
      behaviours.perform = ({ unit }, run) => {
        const result = run();
        if (result.sense?.key === 6) unit.raiseAttention(result.sense);
        return result;
      };
    },
  },
];
