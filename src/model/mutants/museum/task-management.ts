/** The control queue as devices once served it: task management and asynchronous notification. */
import { ControlResponse, ControlType, Response, Tmf } from '../../../wire/virtio-scsi.js';
import type { ControlContext } from '../../scsi/control-answer.js';
import { ASYNCHRONOUS_MUTANTS } from '../asynchronous.js';
import { CONTROL_MUTANTS } from '../control.js';
import type { Mutant } from '../mutant.js';
import { TASK_MANAGEMENT_MUTANTS } from '../task-management.js';
import { alike, controlUnanswered, exhibit, returnedTwice } from './exhibit.js';

const isFunction =
  (...subtypes: readonly number[]) =>
  ({ request }: ControlContext): boolean =>
    request?.type === ControlType.TMF && subtypes.includes(request.subtype);
const isUnitReset = isFunction(Tmf.LOGICAL_UNIT_RESET);
const isNexusReset = isFunction(Tmf.I_T_NEXUS_RESET);
const isSetQuery = isFunction(Tmf.QUERY_TASK_SET);
/** Status "succeeded" of the layer below. */
const CTL_SUCCEEDED = 1;

export const TASK_MANAGEMENT_EXHIBITS: readonly Mutant[] = [
  alike(
    'QVS-01-tmf-tag-truncated',
    'scsi.tmf.id-matching',
    'Tags are compared by their low 32 bits.',
    CONTROL_MUTANTS,
    'tmf.tag-truncated',
  ),
  alike(
    'QVS-02-tmf-completes-before-victims',
    'scsi.tmf.effects-before-completion',
    'ABORT TASK SET is complete before the commands that it ends are returned.',
    TASK_MANAGEMENT_MUTANTS,
    'tmf.abort-task-set.late',
  ),
  exhibit(
    'QVS-03-cancelled-never-started',
    'scsi.tmf.abort-task-completes',
    'A command that a function aborts is returned twice.',
    returnedTwice(({ fields }) => fields.response === Response.ABORTED),
  ),
  exhibit(
    'LVS-01-control-queue-unserved',
    'scsi.tmf.lun-reset-completes-all',
    'LOGICAL UNIT RESET never comes back.',
    controlUnanswered((_answer, context) => isUnitReset(context)),
  ),
  alike(
    'LVS-02-lun-reset-rejected',
    'scsi.tmf.reset-complete',
    'LOGICAL UNIT RESET is rejected.',
    CONTROL_MUTANTS,
    'tmf.lun-reset-rejected',
  ),
  // The response of a command begins with sense_len, which is 0.
  alike(
    'LVS-05-bad-target-wrong-layout',
    'scsi.ctrl.bad-target',
    'A control request for a missing target gets the beginning of the response to a command.',
    CONTROL_MUTANTS,
    'tmf.bad-target-as-complete',
  ),
  exhibit(
    'LVS-11-ctrl-type-endianness',
    'scsi.tmf.layout',
    'QUERY TASK SET is answered in the layout of an asynchronous notification request.',
    () => ({
      controlAnswer: (answer, context) =>
        answer.type === 'tmf' && isSetQuery(context) ? { ...answer, type: 'an' } : answer,
    }),
  ),
  alike(
    'SPV-05-lun-reset-answer',
    'scsi.tmf.effects-before-completion',
    'LOGICAL UNIT RESET is complete before the commands that it ends are returned.',
    TASK_MANAGEMENT_MUTANTS,
    'tmf.logical-unit-reset.late',
  ),
  alike(
    'CRV-11-reset-tmf-without-effect',
    'scsi.tmf.lun-reset-completes-all',
    'Resets are complete at once, and reset nothing.',
    CONTROL_MUTANTS,
    'tmf.reset-without-effect',
  ),
  exhibit(
    'BHY-01-control-response-offset',
    'scsi.tmf.response-written',
    'The response to a function whose request is cut is not written where the writable part begins.',
    () => ({
      controlAnswer: (answer, { chain }) =>
        answer.type === 'tmf' && chain.readableCut.length > 1 ? { ...answer, unwritten: [[0, 1]] } : answer,
    }),
  ),
  exhibit(
    'BHY-02-ctl-codes-leak-into-response',
    'scsi.tmf.query-task-present',
    'QUERY TASK of a command that is there is answered 1.',
    () => ({
      manage: (run, { subtype }) => {
        const response = run();
        const found = subtype === Tmf.QUERY_TASK && response === ControlResponse.FUNCTION_SUCCEEDED;
        return found ? CTL_SUCCEEDED : response;
      },
    }),
  ),
  exhibit(
    'QEX-05-nexus-reset-of-absent-target',
    'scsi.ctrl.bad-target',
    'I_T NEXUS RESET of a missing target is complete.',
    () => ({
      controlAnswer: (answer, context) =>
        isNexusReset(context) && answer.response === ControlResponse.BAD_TARGET
          ? { ...answer, response: ControlResponse.FUNCTION_COMPLETE }
          : answer,
    }),
  ),
  alike(
    'QEX-06-unknown-control-type-untouched',
    'scsi.ctrl.type-selects',
    'Control requests that cannot be read come back with nothing written.',
    TASK_MANAGEMENT_MUTANTS,
    'control.unknown-unanswered',
  ),
];

export const ASYNCHRONOUS_EXHIBITS: readonly Mutant[] = [
  alike(
    'QVS-12-ctrl-type-read-from-zeroed-struct',
    'scsi.ctrl.type-selects',
    'Every control request is taken for a task management function.',
    ASYNCHRONOUS_MUTANTS,
    'control.an-as-tmf',
  ),
  exhibit(
    'LVS-03-an-request-crash',
    'scsi.an.query-answer',
    'Asynchronous notification requests never come back.',
    controlUnanswered(({ type }) => type === 'an'),
  ),
  exhibit(
    'LVS-04-an-target-not-checked',
    'scsi.ctrl.bad-target',
    'Asynchronous notification requests for a missing target or unit are answered OK.',
    () => ({
      controlAnswer: (answer) =>
        answer.type === 'an' ? { ...answer, response: ControlResponse.FUNCTION_COMPLETE } : answer,
    }),
  ),
  exhibit(
    'BHY-04-an-query-empty',
    'scsi.an.query-fields-written',
    'Asynchronous notification requests come back with nothing written.',
    () => ({
      controlAnswer: (answer, { chain }) =>
        answer.type === 'an' ? { ...answer, unwritten: [[0, chain.writableLength]] } : answer,
    }),
  ),
  alike(
    'VBX-07-an-subscribe-response',
    'scsi.an.subscribe-no-specific-codes',
    'A subscription is answered 10, which only functions have.',
    ASYNCHRONOUS_MUTANTS,
    'an.subscribe.succeeded',
  ),
];
