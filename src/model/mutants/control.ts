/** Task management, asynchronous notification and events gone wrong. */
import { ControlResponse, ScsiEvent, Tmf, virtioScsiEvent } from '../../wire/virtio-scsi.js';
import type { EventRecord } from '../scsi/event-record.js';
import type { Mutant } from './mutant.js';

const RESETS: ReadonlySet<number> = new Set([Tmf.LOGICAL_UNIT_RESET, Tmf.I_T_NEXUS_RESET]);

/** Responses of the control queue that are exchanged for others. */
const ANSWERS: readonly (readonly [
  id: string,
  sentence: string,
  from: number,
  to: number,
  requirement: string,
])[] = [
  [
    'tmf.incorrect-lun-as-complete',
    'A missing unit is answered FUNCTION COMPLETE on the control queue.',
    ControlResponse.INCORRECT_LUN,
    ControlResponse.FUNCTION_COMPLETE,
    'scsi.ctrl.incorrect-lun',
  ],
  [
    'tmf.bad-target-as-complete',
    'A missing target is answered FUNCTION COMPLETE on the control queue.',
    ControlResponse.BAD_TARGET,
    ControlResponse.FUNCTION_COMPLETE,
    'scsi.ctrl.bad-target',
  ],
  [
    'tmf.rejected-as-aborted',
    'An unsupported function is answered 2, which is no code of the control queue.',
    ControlResponse.FUNCTION_REJECTED,
    2,
    'scsi.tmf.unsupported-rejected',
  ],
  [
    'tmf.succeeded-as-complete',
    'Queries never find a command.',
    ControlResponse.FUNCTION_SUCCEEDED,
    ControlResponse.FUNCTION_COMPLETE,
    'scsi.tmf.query-task-present',
  ],
];

/** Fields of events that are stored wrongly. */
const EVENTS: readonly (readonly [
  id: string,
  sentence: string,
  requirement: string,
  change: (record: EventRecord) => EventRecord | undefined,
])[] = [
  [
    'event.missed-flag-never',
    'EVENTS_MISSED is never set.',
    'scsi.event.missed-flag',
    (record) => ({ ...record, event: record.event & ~ScsiEvent.EVENTS_MISSED }),
  ],
  [
    'event.missed-flag-always',
    'EVENTS_MISSED is always set.',
    'scsi.event.missed-flag-meaning',
    (record) => ({ ...record, event: (record.event | ScsiEvent.EVENTS_MISSED) >>> 0 }),
  ],
  [
    'event.lun.zero',
    'The lun of events is all zeros.',
    'scsi.event.transport-reset-fields',
    (record) => ({ ...record, lun: new Uint8Array(virtioScsiEvent.fields.lun.size) }),
  ],
  [
    'event.reason.zero',
    'The reason of events is 0.',
    'scsi.event.reset-reason-codes',
    (record) => ({ ...record, reason: 0 }),
  ],
  [
    'event.reason.swapped-codes',
    'ASC and ASCQ in the reason of PARAM_CHANGE are exchanged.',
    'scsi.event.param-change-reason',
    ({ event, lun, reason }) => ({
      event,
      lun,
      reason:
        (event & ~ScsiEvent.EVENTS_MISSED) === ScsiEvent.PARAM_CHANGE
          ? (reason >> 8) | ((reason & 0xff) << 8)
          : reason,
    }),
  ],
  ['event.never', 'No event is ever reported.', 'scsi.feature.hotplug-reporting', () => undefined],
];

export const CONTROL_MUTANTS: readonly Mutant[] = [
  ...ANSWERS.map(
    ([id, sentence, from, to, requirement]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.controlAnswer = (answer) =>
          answer.response === from ? { ...answer, response: to } : answer;
      },
    }),
  ),
  ...EVENTS.map(
    ([id, sentence, requirement, change]): Mutant => ({
      id,
      sentence,
      requirement,
      source: 'layout',
      apply: (behaviours) => {
        behaviours.event = change;
      },
    }),
  ),
  {
    id: 'tmf.reset-answered-succeeded',
    sentence: 'Resets are answered FUNCTION SUCCEEDED.',
    requirement: 'scsi.tmf.reset-complete',
    source: 'museum SPV-05-lun-reset-answer',
    apply: (behaviours) => {
      behaviours.manage = (run, { subtype }) => {
        const response = run();
        return RESETS.has(subtype) ? ControlResponse.FUNCTION_SUCCEEDED : response;
      };
    },
  },
  {
    id: 'tmf.reset-without-effect',
    sentence: 'Resets are answered at once and do nothing.',
    requirement: 'scsi.tmf.lun-reset-completes-all',
    source: 'museum CRV-11-reset-tmf-without-effect',
    apply: (behaviours) => {
      behaviours.manage = (run, { subtype }) =>
        RESETS.has(subtype) ? ControlResponse.FUNCTION_COMPLETE : run();
    },
  },
  {
    id: 'tmf.lun-reset-rejected',
    sentence: 'LOGICAL UNIT RESET is rejected.',
    requirement: 'scsi.tmf.reset-complete',
    source: 'museum LVS-02-lun-reset-rejected',
    apply: (behaviours) => {
      behaviours.manage = (run, { subtype }) =>
        subtype === Tmf.LOGICAL_UNIT_RESET ? ControlResponse.FUNCTION_REJECTED : run();
    },
  },
  {
    id: 'tmf.tag-truncated',
    sentence: 'Tags are compared by their low 32 bits.',
    requirement: 'scsi.tmf.id-matching',
    source: 'museum QVS-01-tmf-tag-truncated',
    apply: (behaviours) => {
      behaviours.tagMatches = (_matches, wanted, tag) =>
        BigInt.asUintN(32, wanted) === BigInt.asUintN(32, tag);
    },
  },
  {
    id: 'tmf.tag-ignored',
    sentence: 'A function for one command takes every command of the unit.',
    requirement: 'scsi.tmf.id-matching',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.tagMatches = () => true;
    },
  },
  {
    id: 'an.event-actual.all',
    sentence: 'Every asynchronous event, defined or not, is said to be supported.',
    requirement: 'scsi.an.query-answer',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.controlAnswer = (answer) =>
        answer.type === 'an' ? { ...answer, eventActual: 0xffff_ffff } : answer;
    },
  },
  {
    id: 'an.response.aborted',
    sentence: 'Requests for asynchronous events are answered 2, which is no code of the control queue.',
    requirement: 'scsi.an.query-no-specific-codes',
    source: 'layout',
    apply: (behaviours) => {
      behaviours.controlAnswer = (answer) => (answer.type === 'an' ? { ...answer, response: 2 } : answer);
    },
  },
];
