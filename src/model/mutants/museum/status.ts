/** Responses, status, sense data and residuals as devices once had them. */
import { SenseKey } from '../../../wire/scsi/sense.js';
import { ScsiStatus } from '../../../wire/scsi/status.js';
import type { LogicalUnit } from '../../units/logical-unit.js';
import type { Mutant } from '../mutant.js';
import { failureForCondition, headerInSense, RESPONSE_MUTANTS, shiftedStatus } from '../response.js';
import { SENSE_MUTANTS } from '../sense.js';
import { alike, exhibit, returnedTwice } from './exhibit.js';

const INQUIRY = 0x12;
const MODE_SENSES: ReadonlySet<number | undefined> = new Set([0x1a, 0x5a]);
/** MAINTENANCE IN and SERVICE ACTION IN(16). */
const SERVICE_ACTIONS: ReadonlySet<number | undefined> = new Set([0x9e, 0xa3]);

const keyOf = (sense: Uint8Array): number | undefined =>
  sense.length > 0 ? (sense[((sense[0] ?? 0) & 0x7e) === 0x72 ? 1 : 2] ?? 0) & 0x0f : undefined;
const ofMedium = (sense: Uint8Array): boolean => keyOf(sense) === SenseKey['MEDIUM ERROR'];

/** Sense data of a missing unit, with the additional sense code where the ninth byte is. */
const CODE_AT_8 = Uint8Array.of(0xf0, 0, 0x05, 0, 0, 0, 0, 0x0a, 0x25, 0, 0);

export const STATUS_EXHIBITS: readonly Mutant[] = [
  exhibit(
    'QVS-10-sense-buffer-holds-header',
    'scsi.req.sense-fixed-size',
    'A refused INQUIRY has its sense data begin with a copy of the response header.',
    () => ({ answer: (answer, { cdb }) => (cdb[0] === INQUIRY ? headerInSense(answer) : answer) }),
  ),
  alike(
    'QVS-13-resid-byte-order',
    'scsi.req.little-endian',
    'The residual is stored with its bytes reversed.',
    RESPONSE_MUTANTS,
    'response.residual.swapped',
  ),
  exhibit(
    'QVS-24-ua-swallowed-by-earlier-command',
    'sam.attention.reported',
    'A command that came before a unit attention ends it, and reports nothing.',
    () => {
      /** Units that had nothing to report when a command for them came. */
      const clear = new WeakMap<object, LogicalUnit>();
      return {
        overrun: (short, task) => {
          const attention = task.unit.takeAttention();
          if (attention) task.unit.raiseAttention(attention);
          else clear.set(task, task.unit);
          return short;
        },
        perform: ({ task, unit }, run) => {
          if (clear.get(task) === unit) while (unit.takeAttention());
          return run();
        },
      };
    },
    'acts',
  ),
  exhibit(
    'QSD-39-status-shifted',
    'scsi.req.status-written',
    'The status of INQUIRY is stored without the bit that is reserved, so that CHECK CONDITION is 1.',
    () => ({ answer: (answer, { cdb }) => (cdb[0] === INQUIRY ? shiftedStatus(answer) : answer) }),
  ),
  alike(
    'QSD-40-valid-bit-without-information',
    'spc.sense.valid-information',
    'VALID is set in all fixed format sense data, with INFORMATION zero.',
    SENSE_MUTANTS,
    'sense.valid-without-information',
  ),
  exhibit(
    'QSD-51-sense-length-lost',
    'scsi.req.sense-len',
    'An error of the medium is CHECK CONDITION without sense data.',
    () => ({
      answer: (answer) =>
        ofMedium(answer.sense)
          ? { ...answer, sense: new Uint8Array(0), fields: { ...answer.fields, sense_len: 0 } }
          : answer,
    }),
  ),
  exhibit(
    'QSD-52-double-completion-on-error',
    'virtio.split.used-once',
    'A command that ends with an error of the medium is returned twice.',
    returnedTwice(({ sense }) => ofMedium(sense)),
  ),
  exhibit(
    'LIO-03-service-action-residual',
    'scsi.req.residual',
    'Commands with a service action leave no residual, however little they return.',
    () => ({
      answer: (answer, { cdb }) =>
        SERVICE_ACTIONS.has(cdb[0]) ? { ...answer, fields: { ...answer.fields, residual: 0 } } : answer,
    }),
  ),
  alike(
    'RVM-05-residual-of-data-out',
    'scsi.req.residual',
    'The residual of a write counts data-in, of which there is none.',
    RESPONSE_MUTANTS,
    'response.residual-of-data-in-only',
  ),
  exhibit(
    'VBX-01-check-condition-as-failure',
    'scsi.req.response-ok',
    'A refused MODE SENSE has response FAILURE.',
    () => ({ answer: (answer, { cdb }) => (MODE_SENSES.has(cdb[0]) ? failureForCondition(answer) : answer) }),
  ),
  exhibit(
    'VBX-02-asc-at-wrong-offset',
    'spc.sense.fixed-layout',
    'For a missing unit ADDITIONAL SENSE CODE is in byte 8 of sense data that end there.',
    () => ({
      answer: (answer, { destination: { target, unit } }) =>
        target && !unit && answer.fields.status === ScsiStatus['CHECK CONDITION']
          ? { ...answer, sense: CODE_AT_8, fields: { ...answer.fields, sense_len: CODE_AT_8.length } }
          : answer,
    }),
  ),
];
